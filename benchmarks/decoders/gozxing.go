package main

import (
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/aztec"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/text/encoding/charmap"

	"passerelle/drivers/camera"
)

// decoder finds the payload of a code in a picture. The error is any where there is none.
type decoder struct {
	name string
	read func(*image.Gray) ([]byte, error)
}

func gozxings() []decoder {
	return []decoder{
		{"gozxing 0.1.1", plain},
		{"gozxing, several ways (ours)", func(g *image.Gray) ([]byte, error) {
			symbols, err := camera.Decode(g)
			if err != nil {
				return nil, err
			}
			return symbols[0].Payload, nil
		}},
	}
}

// plain is gozxing as its documentation uses it, a reader a format.
func plain(g *image.Gray) ([]byte, error) {
	for _, reader := range []gozxing.Reader{qrcode.NewQRCodeReader(), aztec.NewAztecReader(), datamatrix.NewDataMatrixReader()} {
		source := gozxing.NewLuminanceSourceFromImage(g)
		bitmap, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(source))
		if err != nil {
			return nil, err
		}
		r, err := reader.Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: charmap.ISO8859_1})
		if err == nil {
			return []byte(r.GetText()), nil
		}
	}
	return nil, errNothing
}
