package main

import (
	"log/slog"
	"strings"
	"testing"

	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/sig/p256"
	"passerelle/gateway/trust"
)

func TestTableMemorySuitsTheBox(t *testing.T) {
	t.Parallel()
	if total := boxMemory(); total < 64<<20 || total > 1<<50 {
		t.Errorf("this machine has %d bytes of memory, they say", total)
	}
	for _, tt := range []struct {
		config verifyConfig
		want   bool
	}{
		{verifyConfig{P256: p256Fast}, true},
		{verifyConfig{}, true}, // demo and simulate have no configuration
		{verifyConfig{P256: p256Fast, TableMemory: minTableMemory}, true},
		{verifyConfig{P256: p256Std, TableMemory: 64}, false},
	} {
		a := tt.config.accelerator(nil)
		if fast := !a.Stats().Standard; fast != tt.want {
			t.Errorf("%+v: fast = %v, want %v", tt.config, fast, tt.want)
		}
		if s := a.Stats(); tt.want && (s.Tables.Bytes == 0 || s.Tables.Bytes > p256.MinLimit) {
			t.Errorf("%+v: %d bytes of tables before any key is used", tt.config, s.Tables.Bytes)
		}
	}
}

// TestADifferenceIsJournaledAndEndsTheFastPath has a job changed between the two checks of it, which is how a wrong first result
// looks to the second.
func TestADifferenceIsJournaledAndEndsTheFastPath(t *testing.T) {
	t.Parallel()
	profile := policy.Demo()
	var said strings.Builder
	s, err := openStation(stationOptions{
		state: t.TempDir(), profile: &profile, list: trust.Empty(), maxDark: defaultMaxDark, log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	samples, err := newSamples(s.clock.wall())
	if err != nil {
		t.Fatal(err)
	}
	key := samples.keys[testkeys.Ministry].Entry().Public
	j := sig.Job{Key: &key, Alg: sig.ES256, Message: []byte("another"), Signature: make([]byte, 64), OK: true}
	if sig.NewVerifier(s.fast).Recheck(&j) {
		t.Fatal("a signature of zeros was confirmed")
	}
	if stats := s.fast.Stats(); !stats.Standard || stats.Differed != 1 {
		t.Errorf("after a difference: %+v", stats)
	}
	var journal strings.Builder
	if err := s.journal.Export(&journal); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(journal.String(), `\"signature_differs\"`) || !strings.Contains(journal.String(), `\"accepted\":\"true\"`) {
		t.Errorf("the journal does not tell: %s", journal.String())
	}
	if !strings.Contains(said.String(), "level=ERROR") || !strings.Contains(said.String(), "standard library does everything until the next start") {
		t.Errorf("the log does not tell: %s", said.String())
	}
}
