//go:build !p256generic

#include "textflag.h"

// The loops of kernels.go for processors with MULX and ADX. Numbers are four limbs, the lowest first.
//
// Between the pieces below a number is in R12, R8, R9, R10 (from the lowest limb up), which is where multiplication leaves it.
// AX, CX, DX, R11 and R13 are scratch everywhere. DI, R14 and R15 are the loops' own.

// p1 and p3 are limbs of the prime; the others are -1 and 0.
DATA p1<>+0(SB)/8, $0x00000000ffffffff
GLOBL p1<>(SB), RODATA, $8
DATA p3<>+0(SB)/8, $0xffffffff00000001
GLOBL p3<>(SB), RODATA, $8

#define LOAD(at, base) \
	MOVQ at+0(base), R12 \
	MOVQ at+8(base), R8 \
	MOVQ at+16(base), R9 \
	MOVQ at+24(base), R10

#define STORE(at, base) \
	MOVQ R12, at+0(base) \
	MOVQ R8, at+8(base) \
	MOVQ R9, at+16(base) \
	MOVQ R10, at+24(base)

// SUB subtracts a number in memory, and adds the prime if that borrowed.
#define SUB(at, base) \
	SUBQ at+0(base), R12 \
	SBBQ at+8(base), R8 \
	SBBQ at+16(base), R9 \
	SBBQ at+24(base), R10 \
	SBBQ AX, AX \
	MOVL AX, CX \
	MOVQ p3<>(SB), DX \
	ANDQ AX, DX \
	ADDQ AX, R12 \
	ADCQ CX, R8 \
	ADCQ $0, R9 \
	ADCQ DX, R10

// MUL multiplies two numbers in memory.
#define MUL(atx, basex, aty, basey) \
	LEAQ atx(basex), SI \
	LEAQ aty(basey), BX \
	CALL mul<>(SB)

// ROW adds x times one limb of y to the accumulator, whose limbs are a0 (the lowest) to a4. ADOX carries the lower halves of
// the products along and ADCX the upper ones, without waiting for each other.
#define ROW(limb, a0, a1, a2, a3, a4) \
	MOVQ limb(BX), DX \
	XORQ R13, R13 \
	MULXQ 0(SI), AX, CX \
	ADOXQ AX, a0 \
	ADCXQ CX, a1 \
	MULXQ 8(SI), AX, CX \
	ADOXQ AX, a1 \
	ADCXQ CX, a2 \
	MULXQ 16(SI), AX, CX \
	ADOXQ AX, a2 \
	ADCXQ CX, a3 \
	MULXQ 24(SI), AX, CX \
	ADOXQ AX, a3 \
	ADCXQ CX, a4 \
	ADOXQ R13, a4

// REDUCE adds the multiple of the prime that clears a0, as fe.reduce does, and leaves the carry above a4 in a0, which becomes
// the highest limb.
#define REDUCE(a0, a1, a2, a3, a4) \
	MOVQ a0, DX \
	MOVQ a0, AX \
	MOVQ a0, CX \
	SHLQ $32, AX \
	SHRQ $32, CX \
	XORQ a0, a0 \
	ADDQ AX, a1 \
	ADCQ CX, a2 \
	MULXQ p3<>(SB), AX, CX \
	ADCQ AX, a3 \
	ADCQ CX, a4 \
	ADCQ $0, a0

// mul multiplies the numbers at SI and BX: rows and reductions in turns.
TEXT mul<>(SB), NOSPLIT, $0
	MOVQ 0(BX), DX
	MULXQ 0(SI), R8, R9
	MULXQ 8(SI), AX, R10
	ADDQ AX, R9
	MULXQ 16(SI), AX, R11
	ADCQ AX, R10
	MULXQ 24(SI), AX, R12
	ADCQ AX, R11
	ADCQ $0, R12
	REDUCE(R8, R9, R10, R11, R12)
	ROW(8, R9, R10, R11, R12, R8)
	REDUCE(R9, R10, R11, R12, R8)
	ROW(16, R10, R11, R12, R8, R9)
	REDUCE(R10, R11, R12, R8, R9)
	ROW(24, R11, R12, R8, R9, R10)
	REDUCE(R11, R12, R8, R9, R10)

	// Subtract the prime if the number is not below it.
	MOVQ R12, AX
	MOVQ R8, CX
	MOVQ R9, DX
	MOVQ R10, R13
	SUBQ $-1, AX
	SBBQ p1<>(SB), CX
	SBBQ $0, DX
	SBBQ p3<>(SB), R13
	SBBQ $0, R11
	CMOVQCC AX, R12
	CMOVQCC CX, R8
	CMOVQCC DX, R9
	CMOVQCC R13, R10
	RET

// func mulADX(z, x, y *fe)
TEXT ·mulADX(SB), NOSPLIT, $0-24
	MOVQ x+8(FP), SI
	MOVQ y+16(FP), BX
	CALL mul<>(SB)
	MOVQ z+0(FP), DI
	STORE(0, DI)
	RET

// func multiplyADX(ds *denominator, product *fe, points *point, pairs int) bool
//
// On the stack: the product.
TEXT ·multiplyADX(SB), NOSPLIT, $32-33
	MOVQ ds+0(FP), R14
	MOVQ points+16(FP), DI
	MOVQ pairs+24(FP), R15
	MOVQ product+8(FP), SI
	LOAD(0, SI)
	STORE(0, SP)
	MOVB $1, ret+32(FP)
	MOVQ R15, AX
	SHLQ $6, AX
	LEAQ -64(R14)(AX*1), R14
	LEAQ -128(DI)(AX*2), DI

backward:
	STORE(32, R14)
	LOAD(64, DI)
	SUB(0, DI)
	MOVQ R12, AX
	ORQ R8, AX
	ORQ R9, AX
	ORQ R10, AX
	JZ equal

multiply:
	STORE(0, R14)
	MUL(0, SP, 0, R14)
	STORE(0, SP)
	SUBQ $128, DI
	SUBQ $64, R14
	DECQ R15
	JNZ backward
	MOVQ product+8(FP), SI
	STORE(0, SI)
	RET

equal: // 1 in its place
	MOVB $0, ret+32(FP)
	MOVQ $1, R12
	MOVQ $0xffffffff00000000, R8
	MOVQ $-1, R9
	MOVQ $0x00000000fffffffe, R10
	JMP multiply

// func addPairsADX(points *point, inverse *fe, ds *denominator, pairs int)
//
// On the stack: the inverse, the pair's own inverse, the slope, the sum's x, a difference; the number of pairs left.
TEXT ·addPairsADX(SB), NOSPLIT, $168-32
	MOVQ points+0(FP), DI
	MOVQ ds+16(FP), R14
	MOVQ pairs+24(FP), AX
	MOVQ AX, 160(SP)
	MOVQ inverse+8(FP), SI
	LOAD(0, SI)
	STORE(0, SP)
	MOVQ DI, R15

forward:
	MUL(0, SP, 32, R14)
	STORE(32, SP)
	MUL(0, SP, 0, R14)
	STORE(0, SP)

	LOAD(96, DI)
	SUB(32, DI)
	STORE(64, SP)
	MUL(64, SP, 32, SP)
	STORE(64, SP)

	MUL(64, SP, 64, SP)
	SUB(0, DI)
	SUB(64, DI)
	STORE(96, SP)

	LOAD(0, DI)
	SUB(96, SP)
	STORE(128, SP)
	MUL(128, SP, 64, SP)
	SUB(32, DI)
	STORE(32, R15)
	LOAD(96, SP)
	STORE(0, R15)

	ADDQ $128, DI
	ADDQ $64, R14
	ADDQ $64, R15
	DECQ 160(SP)
	JNZ forward
	MOVQ inverse+8(FP), SI
	LOAD(0, SP)
	STORE(0, SI)
	RET

// func addEachADX(s *sum, points *point, n int) bool
//
// In s: X, Y, ZZ, ZZZ. On the stack, by the names of sum.add: u, r, pp, ppp, q, and Y·ppp.
TEXT ·addEachADX(SB), NOSPLIT, $192-25
	MOVQ s+0(FP), R15
	MOVQ points+8(FP), DI
	MOVQ n+16(FP), R14
	MOVB $0, ret+24(FP)

next:
	MUL(0, DI, 64, R15)
	SUB(0, R15)
	MOVQ R12, AX
	ORQ R8, AX
	ORQ R9, AX
	ORQ R10, AX
	JZ done
	STORE(0, SP)
	MUL(32, DI, 96, R15)
	SUB(32, R15)
	STORE(32, SP)

	MUL(0, SP, 0, SP)
	STORE(64, SP)
	MUL(0, SP, 64, SP)
	STORE(96, SP)
	MUL(0, R15, 64, SP)
	STORE(128, SP)
	MUL(64, R15, 64, SP)
	STORE(64, R15)
	MUL(96, R15, 96, SP)
	STORE(96, R15)
	MUL(32, R15, 96, SP)
	STORE(160, SP)

	MUL(32, SP, 32, SP)
	SUB(96, SP)
	SUB(128, SP)
	SUB(128, SP)
	STORE(0, R15)

	LOAD(128, SP)
	SUB(0, R15)
	STORE(128, SP)
	MUL(128, SP, 32, SP)
	SUB(160, SP)
	STORE(32, R15)

	ADDQ $64, DI
	DECQ R14
	JNZ next
	MOVB $1, ret+24(FP)

done:
	RET

// func addSumADX(s, o *sum) bool
//
// On the stack, by the names of sum.addSum: u1, u, s1, r, pp, ppp.
TEXT ·addSumADX(SB), NOSPLIT, $192-17
	MOVQ s+0(FP), R15
	MOVQ o+8(FP), DI
	MOVB $0, ret+16(FP)
	MUL(0, R15, 64, DI)
	STORE(0, SP)
	MUL(0, DI, 64, R15)
	SUB(0, SP)
	MOVQ R12, AX
	ORQ R8, AX
	ORQ R9, AX
	ORQ R10, AX
	JZ done
	STORE(32, SP)
	MUL(32, R15, 96, DI)
	STORE(64, SP)
	MUL(32, DI, 96, R15)
	SUB(64, SP)
	STORE(96, SP)

	MUL(32, SP, 32, SP)
	STORE(128, SP)
	MUL(32, SP, 128, SP)
	STORE(160, SP)
	MUL(0, SP, 128, SP)
	STORE(0, SP)
	MUL(64, R15, 64, DI)
	STORE(64, R15)
	MUL(64, R15, 128, SP)
	STORE(64, R15)
	MUL(96, R15, 96, DI)
	STORE(96, R15)
	MUL(96, R15, 160, SP)
	STORE(96, R15)
	MUL(64, SP, 160, SP)
	STORE(64, SP)

	MUL(96, SP, 96, SP)
	SUB(160, SP)
	SUB(0, SP)
	SUB(0, SP)
	STORE(0, R15)

	LOAD(0, SP)
	SUB(0, R15)
	STORE(0, SP)
	MUL(0, SP, 96, SP)
	SUB(64, SP)
	STORE(32, R15)
	MOVB $1, ret+16(FP)

done:
	RET
