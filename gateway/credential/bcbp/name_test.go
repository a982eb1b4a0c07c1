package bcbp_test

import (
	"fmt"
	"testing"

	"passerelle/gateway/credential/bcbp"
)

func TestNamesAreSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		field, want string // surname|given|title|truncated
	}{
		{"IDRISSI/FATIMA      ", "IDRISSI|FATIMA||false"},
		{"DOE/JOHNMR          ", "DOE|JOHNMR|MR|false"},
		{"DOE/JOHN MR         ", "DOE|JOHN MR|MR|false"},
		{"DOE/JANEMRS         ", "DOE|JANEMRS|MRS|false"},
		{"DOE/JANEMISS        ", "DOE|JANEMISS|MISS|false"},
		{"DOE/TIMMSTR         ", "DOE|TIMMSTR|MSTR|false"},
		{"DOE/TIMCHD          ", "DOE|TIMCHD|CHD|false"},
		{"DOE/TIMINF          ", "DOE|TIMINF|INF|false"},
		{"DOE/JANEPROF        ", "DOE|JANEPROF|PROF|false"},
		{"Doe/Janems          ", "Doe|Janems|ms|false"},
		{"DOE/JOHNMRDR        ", "DOE|JOHNMRDR|DR|false"},
		{"EL OUAFI/OMAR       ", "EL OUAFI|OMAR||false"},
		{"DOE/AMR             ", "DOE|AMR|MR|false"}, // may be A MR: both readings are told
		{"DOE/MR              ", "DOE|MR||false"},    // nothing would be left
		{"DOE/ MR             ", "DOE|MR||false"},
		{"DOE                 ", "DOE|||false"},
		{"DOE/                ", "DOE|||false"},
		{"/JOHN               ", "|JOHN||false"},
		{"DOE/JOHN/PAUL       ", "DOE|JOHN/PAUL||false"},
		{"                    ", "|||false"},
		{"BENABDELJALIL/MOHAMM", "BENABDELJALIL|MOHAMM||true"},
		{"BENABDELJALIL-ALAOUI", "BENABDELJALIL-ALAOUI|||true"},
	} {
		p := parse(t, "M1"+tt.field+"E"+legOne+"00")
		surname, given, title, truncated := p.Name()
		if got := fmt.Sprintf("%s|%s|%s|%v", surname, given, title, truncated); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.field, got, tt.want)
		}
	}
	var none bcbp.Pass
	if surname, given, title, truncated := none.Name(); surname != nil || given != nil || title != nil || truncated {
		t.Errorf("no pass: %q %q %q %v", surname, given, title, truncated)
	}
}

func TestTitlesAreSplitOffOneByOne(t *testing.T) {
	t.Parallel()
	rest, title := bcbp.Title([]byte("JOHN DRMR"))
	if string(rest) != "JOHN DR" || string(title) != "MR" {
		t.Errorf("%q and %q", rest, title)
	}
	if rest, title = bcbp.Title(rest); string(rest) != "JOHN" || string(title) != "DR" {
		t.Errorf("then %q and %q", rest, title)
	}
	if rest, title = bcbp.Title(rest); string(rest) != "JOHN" || title != nil {
		t.Errorf("then %q and %q", rest, title)
	}
}
