package verify_test

import (
	"strings"
	"testing"

	"passerelle/gateway/policy"
	"passerelle/gateway/verify"
)

// TestShapesThatLookLikeAnother names the codes that two shapes would claim.
func TestShapesThatLookLikeAnother(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, code string
		want       policy.Kind
	}{
		{"a ticket of pretix that begins like a boarding pass", "M4Eh7phlyftPOa5P" + strings.Repeat("x4Zk", 24) + "AEAYAQA", policy.Pretix},
		{"a boarding pass", "M1SPECIMEN/YASMINE    EABC123 CMNCDGAT 0780 166Y012A0034 100", policy.BCBP},
		{"a boarding pass that ends like a ticket", "M1SPECIMEN/YASMINE    EABC123 CMNCDGAT 0780 166Y012A0034 104>AQA", policy.BCBP},
		{"a passport", "P<UTOSPECIMEN<<YASMINE<<<<<<<<<<<<<<<<<<<<<<\rL898902C36UTO8801018F3101012<<<<<<<<<<<<<<00", policy.MRZ},
		{"a passport with a line end in front", "\r\nP<UTOSPECIMEN<<YASMINE<<<<<<<<<<<<<<<<<<<<<<\r\nL898902C36UTO8801018F3101012<<<<<<<<<<<<<<00\r\n", policy.MRZ},
		{"an opaque code of sixteen digits", "4929173846501827", policy.Opaque},
	} {
		if got, _ := verify.Detect([]byte(tt.code)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
