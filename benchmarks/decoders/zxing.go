//go:build zxing

package main

// #cgo CXXFLAGS: -std=c++17
// #cgo LDFLAGS: -lZXing
// #include "zxing.h"
import "C"

import (
	"image"
	"unsafe"
)

// zxing is the C++ port of ZXing, once as quick as it can be and once with its own further tries.
func zxing() []decoder {
	read := func(harder C.int) func(*image.Gray) ([]byte, error) {
		return func(g *image.Gray) ([]byte, error) {
			payload := make([]byte, 8192)
			n := C.zxing_read((*C.uchar)(unsafe.Pointer(&g.Pix[0])), C.int(g.Rect.Dx()), C.int(g.Rect.Dy()), harder,
				(*C.uchar)(unsafe.Pointer(&payload[0])), C.int(len(payload)))
			if n <= 0 {
				return nil, errNothing
			}
			return payload[:n], nil
		}
	}
	version := "zxing-cpp " + C.GoString(C.zxing_version())
	return []decoder{{version + ", quick", read(0)}, {version + ", harder", read(1)}}
}
