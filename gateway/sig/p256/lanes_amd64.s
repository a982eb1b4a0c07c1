//go:build !p256generic

#include "funcdata.h"
#include "textflag.h"

// The loops of kernels.go for processors with AVX-512 IFMA, for eight signatures at a time, one a lane.
//
// A number is five vectors of limbs of 52 bits, the lowest first, and below 2²⁶⁰; lanes.go says how large it may be where.
// Between the pieces below it is in Z5 to Z9, which is where multiplication leaves it. Z0 to Z4 and Z10 to Z17 are scratch.
// Z26 to Z31 are constants, as CONSTANTS sets them. DI, R14 and R15 are the loops' own.

// Constants, as limbs: the multiples of the prime that keep differences positive, the prime, and 2²⁶⁰ mod p.
DATA prime1<>+0(SB)/8, $0x000fffffffffffff
DATA prime1<>+8(SB)/8, $0x00000fffffffffff
DATA prime1<>+16(SB)/8, $0x0000000000000000
DATA prime1<>+24(SB)/8, $0x0000001000000000
DATA prime1<>+32(SB)/8, $0x0000ffffffff0000
GLOBL prime1<>(SB), RODATA, $40
DATA prime2<>+0(SB)/8, $0x000ffffffffffffe
DATA prime2<>+8(SB)/8, $0x00001fffffffffff
DATA prime2<>+16(SB)/8, $0x0000000000000000
DATA prime2<>+24(SB)/8, $0x0000002000000000
DATA prime2<>+32(SB)/8, $0x0001fffffffe0000
GLOBL prime2<>(SB), RODATA, $40
DATA prime3<>+0(SB)/8, $0x000ffffffffffffd
DATA prime3<>+8(SB)/8, $0x00002fffffffffff
DATA prime3<>+16(SB)/8, $0x0000000000000000
DATA prime3<>+24(SB)/8, $0x0000003000000000
DATA prime3<>+32(SB)/8, $0x0002fffffffd0000
GLOBL prime3<>(SB), RODATA, $40
DATA prime4<>+0(SB)/8, $0x000ffffffffffffc
DATA prime4<>+8(SB)/8, $0x00003fffffffffff
DATA prime4<>+16(SB)/8, $0x0000000000000000
DATA prime4<>+24(SB)/8, $0x0000004000000000
DATA prime4<>+32(SB)/8, $0x0003fffffffc0000
GLOBL prime4<>(SB), RODATA, $40
DATA shift256<>+0(SB)/8, $0x0000000000000001
DATA shift256<>+8(SB)/8, $0x000ff00000000000
DATA shift256<>+16(SB)/8, $0x000fffffffffffff
DATA shift256<>+24(SB)/8, $0x000fffefffffffff
DATA shift256<>+32(SB)/8, $0x000000000000ffff
GLOBL shift256<>(SB), RODATA, $40
DATA unit<>+0(SB)/8, $0x0000000000000010
DATA unit<>+8(SB)/8, $0x000f000000000000
DATA unit<>+16(SB)/8, $0x000fffffffffffff
DATA unit<>+24(SB)/8, $0x000ffeffffffffff
DATA unit<>+32(SB)/8, $0x00000000000fffff
GLOBL unit<>(SB), RODATA, $40

DATA small<>+0(SB)/8, $0x000fffffffffffff // mask of a limb
DATA small<>+8(SB)/8, $0x0000ffffffff0000 // highest limb of the prime
DATA small<>+16(SB)/8, $0x0000100000000000 // 2⁴⁴, which is one more than the second limb
DATA small<>+24(SB)/8, $0x0000001000000000 // 2³⁶, the fourth limb
DATA small<>+32(SB)/8, $4
GLOBL small<>(SB), RODATA, $40

#define CONSTANTS \
	VPBROADCASTQ small<>+0(SB), Z31 \
	VPBROADCASTQ small<>+8(SB), Z30 \
	VPBROADCASTQ small<>+16(SB), Z29 \
	VPBROADCASTQ small<>+24(SB), Z28 \
	VPBROADCASTQ small<>+32(SB), Z27

#define LOAD(at, base) \
	VMOVDQU64 at+0(base), Z5 \
	VMOVDQU64 at+64(base), Z6 \
	VMOVDQU64 at+128(base), Z7 \
	VMOVDQU64 at+192(base), Z8 \
	VMOVDQU64 at+256(base), Z9

// SET loads a constant into all lanes.
#define SET(constant) \
	VPBROADCASTQ constant<>+0(SB), Z5 \
	VPBROADCASTQ constant<>+8(SB), Z6 \
	VPBROADCASTQ constant<>+16(SB), Z7 \
	VPBROADCASTQ constant<>+24(SB), Z8 \
	VPBROADCASTQ constant<>+32(SB), Z9

// LOAD16 loads 16 times a number, modulo the prime: 2²⁵⁶ is 2²⁶⁰ in Montgomery form.
#define LOAD16(at, base) \
	LOAD(at, base) \
	VPSLLQ $4, Z5, Z5 \
	VPSLLQ $4, Z6, Z6 \
	VPSLLQ $4, Z7, Z7 \
	VPSLLQ $4, Z8, Z8 \
	VPSLLQ $4, Z9, Z9 \
	FOLD \
	CARRY

// KEEP stores a number in the lanes of K1.
#define KEEP(at, base) \
	VMOVDQU64 Z5, K1, at+0(base) \
	VMOVDQU64 Z6, K1, at+64(base) \
	VMOVDQU64 Z7, K1, at+128(base) \
	VMOVDQU64 Z8, K1, at+192(base) \
	VMOVDQU64 Z9, K1, at+256(base)

#define STORE(at, base) \
	VMOVDQU64 Z5, at+0(base) \
	VMOVDQU64 Z6, at+64(base) \
	VMOVDQU64 Z7, at+128(base) \
	VMOVDQU64 Z8, at+192(base) \
	VMOVDQU64 Z9, at+256(base)

#define SUB(at, base) \
	VPSUBQ at+0(base), Z5, Z5 \
	VPSUBQ at+64(base), Z6, Z6 \
	VPSUBQ at+128(base), Z7, Z7 \
	VPSUBQ at+192(base), Z8, Z8 \
	VPSUBQ at+256(base), Z9, Z9

// PLUS adds a constant.
#define PLUS(constant) \
	VPADDQ.BCST constant<>+0(SB), Z5, Z5 \
	VPADDQ.BCST constant<>+8(SB), Z6, Z6 \
	VPADDQ.BCST constant<>+16(SB), Z7, Z7 \
	VPADDQ.BCST constant<>+24(SB), Z8, Z8 \
	VPADDQ.BCST constant<>+32(SB), Z9, Z9

// CARRY brings limbs that may be negative or too large back to 52 bits, if the number is from 0 to 2²⁶⁰.
#define CARRY \
	VPSRAQ $52, Z5, Z16 \
	VPANDQ Z31, Z5, Z5 \
	VPADDQ Z16, Z6, Z6 \
	VPSRAQ $52, Z6, Z16 \
	VPANDQ Z31, Z6, Z6 \
	VPADDQ Z16, Z7, Z7 \
	VPSRAQ $52, Z7, Z16 \
	VPANDQ Z31, Z7, Z7 \
	VPADDQ Z16, Z8, Z8 \
	VPSRAQ $52, Z8, Z16 \
	VPANDQ Z31, Z8, Z8 \
	VPADDQ Z16, Z9, Z9

// FOLD takes q·p away, where q is what is above 2²⁵⁶, or one less where the carries that are still to come might take one
// away. It leaves less than 2²⁵⁶ + 2²³⁰, and wants a CARRY.
#define FOLD \
	VPSUBQ Z27, Z9, Z16 \
	VPSRAQ $48, Z16, Z16 \
	VPADDQ Z16, Z5, Z5 \
	VPSLLQ $44, Z16, Z17 \
	VPSUBQ Z17, Z6, Z6 \
	VPSLLQ $36, Z16, Z17 \
	VPSUBQ Z17, Z8, Z8 \
	VPSLLQ $48, Z16, Z17 \
	VPSUBQ Z17, Z9, Z9 \
	VPSLLQ $16, Z16, Z17 \
	VPADDQ Z17, Z9, Z9

// ROW adds a limb of x, which is in Z15, times y, in Z10 to Z14, to an accumulator of six limbs, and the multiple of the prime
// that clears its lowest. The prime is -1 mod 2⁵², so that the factor is the limb itself; its own product with the lowest limb
// of the prime, and that with the -1 of the next, leave 2⁴⁴ times it there.
#define ROW(a0, a1, a2, a3, a4, a5) \
	VPMADD52LUQ Z10, Z15, a0 \
	VPMADD52LUQ Z11, Z15, a1 \
	VPMADD52HUQ Z10, Z15, a1 \
	VPSRLQ $52, a0, Z16 \
	VPMADD52LUQ Z12, Z15, a2 \
	VPMADD52LUQ Z13, Z15, a3 \
	VPMADD52LUQ Z14, Z15, a4 \
	VPADDQ Z16, a1, a1 \
	VPMADD52HUQ Z11, Z15, a2 \
	VPMADD52HUQ Z12, Z15, a3 \
	VPMADD52HUQ Z13, Z15, a4 \
	VPMADD52HUQ Z14, Z15, a5 \
	VPMADD52LUQ Z29, a0, a1 \
	VPMADD52HUQ Z29, a0, a2 \
	VPMADD52LUQ Z28, a0, a3 \
	VPMADD52HUQ Z28, a0, a4 \
	VPMADD52LUQ Z30, a0, a4 \
	VPMADD52HUQ Z30, a0, a5

// mul multiplies the numbers at SI and BX, modulo the prime and divided by 2²⁶⁰.
TEXT mul52<>(SB), NOSPLIT, $0
	VMOVDQU64 0(BX), Z10
	VMOVDQU64 64(BX), Z11
	VMOVDQU64 128(BX), Z12
	VMOVDQU64 192(BX), Z13
	VMOVDQU64 256(BX), Z14
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VMOVDQU64 0(SI), Z15
	ROW(Z0, Z1, Z2, Z3, Z4, Z5)
	VMOVDQU64 64(SI), Z15
	ROW(Z1, Z2, Z3, Z4, Z5, Z6)
	VMOVDQU64 128(SI), Z15
	ROW(Z2, Z3, Z4, Z5, Z6, Z7)
	VMOVDQU64 192(SI), Z15
	ROW(Z3, Z4, Z5, Z6, Z7, Z8)
	VMOVDQU64 256(SI), Z15
	ROW(Z4, Z5, Z6, Z7, Z8, Z9)
	CARRY
	RET

#define MUL(atx, basex, aty, basey) \
	LEAQ atx(basex), SI \
	LEAQ aty(basey), BX \
	CALL mul52<>(SB)

// func mulIFMA(z, x, y *number)
TEXT ·mulIFMA(SB), NOSPLIT, $0-24
	CONSTANTS
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), BX
	CALL mul52<>(SB)
	MOVQ z+0(FP), DI
	STORE(0, DI)
	VZEROUPPER
	RET

// func multiplyIFMA(ds *denominators, product *number, points *points8, pairs int, counts *[8]uint64)
//
// On the stack: the product.
TEXT ·multiplyIFMA(SB), NOSPLIT, $320-40
	CONSTANTS
	MOVQ ds+0(FP), R14
	MOVQ points+16(FP), DI
	MOVQ pairs+24(FP), R15
	MOVQ counts+32(FP), AX
	VMOVDQU64 (AX), Z26
	MOVQ product+8(FP), SI
	LOAD(0, SI)
	STORE(0, SP)
	IMUL3Q $640, R15, AX
	LEAQ -640(R14)(AX*1), R14
	LEAQ -1280(DI)(AX*2), DI

backward:
	STORE(320, R14)
	LOAD(640, DI)
	SUB(0, DI)
	PLUS(prime2)
	CARRY

	// A lane that has no second point of this pair has the unit in its place.
	LEAQ -1(R15)(R15*1), AX
	VPBROADCASTQ AX, Z16
	VPCMPUQ $2, Z16, Z26, K1 // counts <= 2i+1
	VPBROADCASTQ unit<>+0(SB), K1, Z5
	VPBROADCASTQ unit<>+8(SB), K1, Z6
	VPBROADCASTQ unit<>+16(SB), K1, Z7
	VPBROADCASTQ unit<>+24(SB), K1, Z8
	VPBROADCASTQ unit<>+32(SB), K1, Z9
	STORE(0, R14)
	MUL(0, SP, 0, R14)
	STORE(0, SP)

	SUBQ $1280, DI
	SUBQ $640, R14
	DECQ R15
	JNZ backward
	MOVQ product+8(FP), SI
	STORE(0, SI)
	VZEROUPPER
	RET

// func addPairsIFMA(points *points8, inverse *number, ds *denominators, pairs int, counts *[8]uint64)
//
// On the stack: the inverse, the pair's own inverse, the slope, the sum's x, a difference; the number of the pair.
TEXT ·addPairsIFMA(SB), 0, $1608-40
	NO_LOCAL_POINTERS
	CONSTANTS
	MOVQ points+0(FP), DI
	MOVQ DI, R15
	MOVQ ds+16(FP), R14
	MOVQ counts+32(FP), AX
	VMOVDQU64 (AX), Z26
	MOVQ inverse+8(FP), SI
	LOAD(0, SI)
	STORE(0, SP)
	MOVQ $0, 1600(SP)

forward:
	MUL(0, SP, 320, R14)
	STORE(320, SP)
	MUL(0, SP, 0, R14)
	STORE(0, SP)

	LOAD(960, DI)
	SUB(320, DI)
	PLUS(prime2)
	CARRY
	STORE(640, SP)
	MUL(640, SP, 320, SP)
	STORE(640, SP)

	MUL(640, SP, 640, SP)
	SUB(0, DI)
	SUB(640, DI)
	PLUS(prime3)
	FOLD
	CARRY
	STORE(960, SP)

	LOAD(0, DI)
	SUB(960, SP)
	PLUS(prime2)
	CARRY
	STORE(1280, SP)
	MUL(1280, SP, 640, SP)
	VPSLLQ $2, Z5, Z5
	VPSLLQ $2, Z6, Z6
	VPSLLQ $2, Z7, Z7
	VPSLLQ $2, Z8, Z8
	VPSLLQ $2, Z9, Z9
	SUB(320, DI)
	PLUS(prime2)
	FOLD
	CARRY

	// A lane without a second point keeps the first.
	MOVQ 1600(SP), AX
	LEAQ 1(AX)(AX*1), AX
	VPBROADCASTQ AX, Z16
	VPCMPUQ $2, Z16, Z26, K1
	VMOVDQU64 320(DI), K1, Z5
	VMOVDQU64 384(DI), K1, Z6
	VMOVDQU64 448(DI), K1, Z7
	VMOVDQU64 512(DI), K1, Z8
	VMOVDQU64 576(DI), K1, Z9
	VMOVDQU64 960(SP), Z0
	VMOVDQU64 1024(SP), Z1
	VMOVDQU64 1088(SP), Z2
	VMOVDQU64 1152(SP), Z3
	VMOVDQU64 1216(SP), Z4
	VMOVDQU64 0(DI), K1, Z0
	VMOVDQU64 64(DI), K1, Z1
	VMOVDQU64 128(DI), K1, Z2
	VMOVDQU64 192(DI), K1, Z3
	VMOVDQU64 256(DI), K1, Z4
	VMOVDQU64 Z0, 0(R15)
	VMOVDQU64 Z1, 64(R15)
	VMOVDQU64 Z2, 128(R15)
	VMOVDQU64 Z3, 192(R15)
	VMOVDQU64 Z4, 256(R15)
	STORE(320, R15)

	ADDQ $1280, DI
	ADDQ $640, R14
	ADDQ $640, R15
	INCQ 1600(SP)
	MOVQ 1600(SP), AX
	CMPQ AX, pairs+24(FP)
	JNE forward
	MOVQ inverse+8(FP), SI
	LOAD(0, SP)
	STORE(0, SI)
	VZEROUPPER
	RET

// func sumRowsIFMA(sums *sums8, points *points8, rows int, last uint8)
//
// In sums: X, Y, ZZ, ZZZ. On the stack, by the names of sum.add: u, r, pp, ppp, q, a scratch number, and the point's x and y.
TEXT ·sumRowsIFMA(SB), 0, $2560-25
	NO_LOCAL_POINTERS
	CONSTANTS
	MOVQ sums+0(FP), R15
	MOVQ points+8(FP), DI
	MOVQ rows+16(FP), R14
	LOAD16(0, DI)
	STORE(0, R15)
	LOAD16(320, DI)
	STORE(320, R15)
	SET(unit)
	STORE(640, R15)
	STORE(960, R15)
	KXNORW K1, K1, K1
	DECQ R14
	JZ done

row:
	ADDQ $640, DI
	CMPQ R14, $1
	JNE whole
	MOVBLZX last+24(FP), AX
	KMOVW AX, K1

whole:
	LOAD16(0, DI)
	STORE(1920, SP)
	LOAD16(320, DI)
	STORE(2240, SP)

	MUL(1920, SP, 640, R15)
	SUB(0, R15)
	PLUS(prime2)
	CARRY
	STORE(0, SP)
	MUL(2240, SP, 960, R15)
	SUB(320, R15)
	PLUS(prime2)
	CARRY
	STORE(320, SP)

	MUL(0, SP, 0, SP)
	STORE(640, SP)
	MUL(0, SP, 640, SP)
	STORE(960, SP)
	MUL(0, R15, 640, SP)
	STORE(1280, SP)
	MUL(640, R15, 640, SP)
	KEEP(640, R15)
	MUL(960, R15, 960, SP)
	KEEP(960, R15)
	MUL(320, R15, 960, SP)
	STORE(1600, SP)

	MUL(320, SP, 320, SP)
	SUB(960, SP)
	SUB(1280, SP)
	SUB(1280, SP)
	PLUS(prime4)
	FOLD
	CARRY
	KEEP(0, R15)
	STORE(0, SP)

	LOAD(1280, SP)
	SUB(0, SP)
	PLUS(prime2)
	CARRY
	STORE(1280, SP)
	MUL(1280, SP, 320, SP)
	SUB(1600, SP)
	PLUS(prime2)
	FOLD
	CARRY
	KEEP(320, R15)

	DECQ R14
	JNZ row

done:
	// Back to Montgomery form with 2²⁵⁶.
	SET(shift256)
	STORE(0, SP)
	MUL(0, R15, 0, SP)
	STORE(0, R15)
	MUL(320, R15, 0, SP)
	STORE(320, R15)
	MUL(640, R15, 0, SP)
	STORE(640, R15)
	MUL(960, R15, 0, SP)
	STORE(960, R15)
	VZEROUPPER
	RET

// SPLIT turns four vectors of limbs of 64 bits into Z5 to Z9.
#define SPLIT(w0, w1, w2, w3) \
	VPANDQ Z31, w0, Z5 \
	VPSRLQ $52, w0, Z6 \
	VPSLLQ $12, w1, Z16 \
	VPORQ Z16, Z6, Z6 \
	VPANDQ Z31, Z6, Z6 \
	VPSRLQ $40, w1, Z7 \
	VPSLLQ $24, w2, Z16 \
	VPORQ Z16, Z7, Z7 \
	VPANDQ Z31, Z7, Z7 \
	VPSRLQ $28, w2, Z8 \
	VPSLLQ $36, w3, Z16 \
	VPORQ Z16, Z8, Z8 \
	VPANDQ Z31, Z8, Z8 \
	VPSRLQ $16, w3, Z9

// func gatherIFMA(to *points8, from *[8]*point, negate *uint8, n int)
TEXT ·gatherIFMA(SB), NOSPLIT, $0-32
	CONSTANTS
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ negate+16(FP), R14
	MOVQ n+24(FP), R15

next:
	// Row + ahead.
	MOVQ 256(SI), AX
	PREFETCHT0 (AX)
	MOVQ 264(SI), AX
	PREFETCHT0 (AX)
	MOVQ 272(SI), AX
	PREFETCHT0 (AX)
	MOVQ 280(SI), AX
	PREFETCHT0 (AX)
	MOVQ 288(SI), AX
	PREFETCHT0 (AX)
	MOVQ 296(SI), AX
	PREFETCHT0 (AX)
	MOVQ 304(SI), AX
	PREFETCHT0 (AX)
	MOVQ 312(SI), AX
	PREFETCHT0 (AX)

	// A point is one vector: four limbs of x and four of y. Eight of them are a matrix that is to be transposed.
	MOVQ 0(SI), AX
	VMOVDQU64 (AX), Z0
	MOVQ 8(SI), AX
	VMOVDQU64 (AX), Z1
	MOVQ 16(SI), AX
	VMOVDQU64 (AX), Z2
	MOVQ 24(SI), AX
	VMOVDQU64 (AX), Z3
	MOVQ 32(SI), AX
	VMOVDQU64 (AX), Z4
	MOVQ 40(SI), AX
	VMOVDQU64 (AX), Z5
	MOVQ 48(SI), AX
	VMOVDQU64 (AX), Z6
	MOVQ 56(SI), AX
	VMOVDQU64 (AX), Z7

	VPUNPCKLQDQ Z1, Z0, Z10 // even limbs of lanes 0 and 1
	VPUNPCKHQDQ Z1, Z0, Z11 // odd ones
	VPUNPCKLQDQ Z3, Z2, Z12
	VPUNPCKHQDQ Z3, Z2, Z13
	VPUNPCKLQDQ Z5, Z4, Z14
	VPUNPCKHQDQ Z5, Z4, Z15
	VPUNPCKLQDQ Z7, Z6, Z16
	VPUNPCKHQDQ Z7, Z6, Z17

	VSHUFI64X2 $0x88, Z12, Z10, Z0 // limbs 0 and 4 of lanes 0 to 3
	VSHUFI64X2 $0x88, Z16, Z14, Z1 // and of lanes 4 to 7
	VSHUFI64X2 $0xdd, Z12, Z10, Z2 // limbs 2 and 6
	VSHUFI64X2 $0xdd, Z16, Z14, Z3
	VSHUFI64X2 $0x88, Z13, Z11, Z4 // limbs 1 and 5
	VSHUFI64X2 $0x88, Z17, Z15, Z5
	VSHUFI64X2 $0xdd, Z13, Z11, Z6 // limbs 3 and 7
	VSHUFI64X2 $0xdd, Z17, Z15, Z7

	VSHUFI64X2 $0x88, Z1, Z0, Z10 // x
	VSHUFI64X2 $0x88, Z5, Z4, Z11
	VSHUFI64X2 $0x88, Z3, Z2, Z12
	VSHUFI64X2 $0x88, Z7, Z6, Z13
	VSHUFI64X2 $0xdd, Z1, Z0, Z0 // y
	VSHUFI64X2 $0xdd, Z5, Z4, Z1
	VSHUFI64X2 $0xdd, Z3, Z2, Z2
	VSHUFI64X2 $0xdd, Z7, Z6, Z3

	SPLIT(Z10, Z11, Z12, Z13)
	STORE(0, DI)
	SPLIT(Z0, Z1, Z2, Z3)

	// p - y in the lanes that are to be negated.
	MOVBLZX (R14), AX
	KMOVW AX, K1
	VPBROADCASTQ prime1<>+0(SB), Z10
	VPBROADCASTQ prime1<>+8(SB), Z11
	VPBROADCASTQ prime1<>+16(SB), Z12
	VPBROADCASTQ prime1<>+24(SB), Z13
	VPBROADCASTQ prime1<>+32(SB), Z14
	VPSUBQ Z5, Z10, K1, Z5
	VPSUBQ Z6, Z11, K1, Z6
	VPSUBQ Z7, Z12, K1, Z7
	VPSUBQ Z8, Z13, K1, Z8
	VPSUBQ Z9, Z14, K1, Z9
	CARRY
	STORE(320, DI)

	ADDQ $640, DI
	ADDQ $64, SI
	INCQ R14
	DECQ R15
	JNZ next
	VZEROUPPER
	RET
