//go:build zbar

package main

// #cgo LDFLAGS: -lzbar
// #include <stdlib.h>
// #include <zbar.h>
//
// static zbar_image_scanner_t *scanner(void) {
//   zbar_image_scanner_t *s = zbar_image_scanner_create();
//   zbar_image_scanner_set_config(s, 0, ZBAR_CFG_ENABLE, 0);
//   zbar_image_scanner_set_config(s, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
//   zbar_image_scanner_set_config(s, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
//   return s;
// }
//
// static zbar_image_t *picture(const void *pixels, unsigned w, unsigned h) {
//   zbar_image_t *i = zbar_image_create();
//   zbar_image_set_format(i, zbar_fourcc('Y', '8', '0', '0'));
//   zbar_image_set_size(i, w, h);
//   zbar_image_set_data(i, pixels, (unsigned long)w * h, NULL);
//   return i;
// }
import "C"

import (
	"fmt"
	"image"
	"unsafe"
)

// zbar reads QR codes only: it knows neither Aztec nor Data Matrix.
func zbar() []decoder {
	var major, minor, patch C.uint
	C.zbar_version(&major, &minor, &patch)
	scanner := C.scanner()
	return []decoder{{fmt.Sprintf("zbar %d.%d.%d", major, minor, patch), func(g *image.Gray) ([]byte, error) {
		pixels := C.CBytes(g.Pix)
		defer C.free(pixels)
		picture := C.picture(pixels, C.uint(g.Rect.Dx()), C.uint(g.Rect.Dy()))
		defer C.zbar_image_destroy(picture)
		if C.zbar_scan_image(scanner, picture) <= 0 {
			return nil, errNothing
		}
		symbol := C.zbar_image_first_symbol(picture)
		return C.GoBytes(unsafe.Pointer(C.zbar_symbol_get_data(symbol)), C.int(C.zbar_symbol_get_data_length(symbol))), nil
	}}}
}
