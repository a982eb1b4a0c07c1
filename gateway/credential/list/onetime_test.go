package list_test

import (
	"fmt"
	"testing"

	"passerelle/gateway/credential/list"
)

// find returns the match of a code with its suffix on a list that has that code alone.
func find(t testing.TB, e list.Entry, secret []byte, suffix string) list.Match {
	t.Helper()
	s := stored(t, built(t, put{"code", e, secret}))
	m, ok := s.Find([]byte("code" + suffix))
	if !ok || !m.NeedsOneTime || string(m.Suffix) != suffix || string(m.Code) != "code" {
		t.Fatalf("found %+v, %v", m, ok)
	}
	return m
}

func oneTime(digits uint8, sha256 bool) list.Entry {
	return list.Entry{State: list.Listed, OneTime: true, Digits: digits, SHA256: sha256}
}

// TestVectorsOfRFC6238 has the table of appendix B for SHA-1 and SHA-256.
func TestVectorsOfRFC6238(t *testing.T) {
	t.Parallel()
	long := []byte("12345678901234567890123456789012")
	for _, tt := range []struct {
		at           int64
		sha1, sha256 string
	}{
		{59, "94287082", "46119246"},
		{1111111109, "07081804", "68084774"},
		{1111111111, "14050471", "67062674"},
		{1234567890, "89005924", "91819424"},
		{2000000000, "69279037", "90698825"},
		{20000000000, "65353130", "77737706"},
	} {
		for _, one := range []struct {
			suffix string
			entry  list.Entry
			secret []byte
		}{
			{tt.sha1, oneTime(8, false), secret},
			{tt.sha256, oneTime(8, true), long},
			{tt.sha1[2:], oneTime(6, false), secret},
			{tt.sha256[2:], oneTime(0, true), long},
		} {
			m := find(t, one.entry, one.secret, one.suffix)
			if got := m.CheckOneTime(tt.at, tt.at); got != list.Valid {
				t.Errorf("%d, %s: %v, want valid", tt.at, one.suffix, got)
			}
			wrong := one.suffix[:len(one.suffix)-1] + string('0'+(one.suffix[len(one.suffix)-1]-'0'+1)%10)
			m = find(t, one.entry, one.secret, wrong)
			if got := m.CheckOneTime(tt.at, tt.at); got != list.Invalid {
				t.Errorf("%d, %s: %v, want invalid", tt.at, wrong, got)
			}
		}
	}
}

// The ten values of RFC 4226, appendix D, are those of the first ten steps.
var hotp = []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}

func TestASuffixIsGoodOneStepAround(t *testing.T) {
	t.Parallel()
	for step, suffix := range hotp {
		m := find(t, oneTime(6, false), secret, suffix)
		for at := range int64(12 * 30) {
			want := list.Invalid
			if distance := at/30 - int64(step); -1 <= distance && distance <= 1 {
				want = list.Valid
			}
			if got := m.CheckOneTime(at, at); got != want {
				t.Fatalf("%s of step %d at second %d: %v, want %v", suffix, step, at, got, want)
			}
		}
	}
}

func TestAPeriodIsTheEntrysOwn(t *testing.T) {
	t.Parallel()
	e := oneTime(6, false)
	e.Period = 300
	m := find(t, e, secret, hotp[3])
	for at, want := range map[int64]list.Outcome{599: list.Invalid, 600: list.Valid, 1499: list.Valid, 1500: list.Invalid} {
		if got := m.CheckOneTime(at, at); got != want {
			t.Errorf("second %d: %v, want %v", at, got, want)
		}
	}
}

func TestAnUncertainClockIsUnsure(t *testing.T) {
	t.Parallel()
	m := find(t, oneTime(6, false), secret, hotp[5])
	wrong := find(t, oneTime(6, false), secret, "000000")
	const steps = list.MaxSteps - 2 // one more is tried before and behind
	for _, tt := range []struct {
		name             string
		earliest, latest int64
		want             list.Outcome
	}{
		{"exact", 150, 150, list.Valid},
		{"within the interval", 30, 269, list.Valid},
		{"the first step of it", 6 * 30, 9 * 30, list.Valid},
		{"the last step of it", 0, 4 * 30, list.Valid},
		{"as wide as may be", 30, 30 + steps*30 - 1, list.Valid},
		{"a second wider", 30, 30 + steps*30, list.Unsure},
		{"a year wide", 0, 365 * 86400, list.Unsure},
		{"all of time", 0, 1<<63 - 1, list.Unsure},
		{"before 1970", -1, 150, list.Unsure},
		{"the wrong way round", 151, 150, list.Unsure},
		{"another time", 7 * 30, 9 * 30, list.Invalid},
	} {
		if got := m.CheckOneTime(tt.earliest, tt.latest); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		want := tt.want
		if want == list.Valid {
			want = list.Invalid
		}
		if got := wrong.CheckOneTime(tt.earliest, tt.latest); got != want {
			t.Errorf("%s, a wrong suffix: %v, want %v", tt.name, got, want)
		}
	}
	if last := find(t, oneTime(6, false), secret, "123456"); last.CheckOneTime(1<<63-1, 1<<63-1) == list.Unsure {
		t.Error("the last second of all is not tried")
	}
}

func TestACodeWithoutItsSuffixIsWorthNothing(t *testing.T) {
	t.Parallel()
	s := built(t, put{"needs", oneTime(6, false), secret}, put{code: "plain", entry: list.Entry{State: list.Listed}})
	m, ok := s.Find([]byte("needs"))
	if !ok || !m.NeedsOneTime || m.Suffix != nil || m.CheckOneTime(59, 59) != list.Invalid {
		t.Errorf("a code that lacks its suffix: %+v, %v", m, ok)
	}
	m, ok = s.Find([]byte("plain"))
	if !ok || m.NeedsOneTime || m.CheckOneTime(59, 59) != list.Invalid {
		t.Errorf("a code that has none: %+v, %v", m, ok)
	}
	var zero list.Match
	if got := zero.CheckOneTime(59, 59); got != list.Invalid {
		t.Errorf("no match: %v", got)
	}
}

func TestEachCodeHasItsOwnSecret(t *testing.T) {
	t.Parallel()
	b := list.NewBuilder(&key)
	for i := range 300 { // every third without a secret, of different lengths
		e, own := oneTime(6, i%2 == 0), []byte(fmt.Sprintf("secret of the code %-*d", i%13+1, i))
		if i%3 == 0 {
			e, own = list.Entry{State: list.Listed}, nil
		}
		if err := b.Add(fmt.Appendf(nil, "code-%d-", i), e, own); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.Set()
	if err != nil {
		t.Fatal(err)
	}
	s = stored(t, s)
	valid := 0
	for i := range 300 {
		if i%3 == 0 {
			continue
		}
		own := []byte(fmt.Sprintf("secret of the code %-*d", i%13+1, i))
		suffix := plainTOTP(own, i%2 == 0, 6, 1_800_000_000/30)
		m, ok := s.Find(fmt.Appendf(nil, "code-%d-%s", i, suffix))
		if !ok || m.CheckOneTime(1_800_000_000, 1_800_000_000) != list.Valid {
			t.Errorf("code %d: %+v, %v", i, m, ok)
		}
		valid++
		next, ok := s.Find(fmt.Appendf(nil, "code-%d-%s", (i+1)/3*3+1, suffix))
		if ok && (i+1)/3*3+1 != i && next.CheckOneTime(1_800_000_000, 1_800_000_000) == list.Valid {
			t.Errorf("the suffix of code %d is good for another", i)
		}
	}
	if valid != 200 {
		t.Errorf("%d suffixes were tried", valid)
	}
}
