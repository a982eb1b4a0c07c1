package policy

import "testing"

func TestTimePassesOnlyIfValidThroughoutTheInterval(t *testing.T) {
	t.Parallel()
	const from, until = 1000, 2000
	for _, tt := range []struct {
		name   string
		now    Now
		state  State
		reason Reason
	}{
		{"trusted, first second", At(1000), Passed, Internal},
		{"trusted, last second", At(2000), Passed, Internal},
		{"trusted, one second early", At(999), Failed, NotYetValid},
		{"trusted, one second late", At(2001), Failed, Expired},
		{"floored, valid throughout", Now{1000, 2000, ClockFloored}, Passed, Internal},
		{"floored, may be too early", Now{999, 1500, ClockFloored}, Undetermined, ClockUntrusted},
		{"floored, may be too late", Now{1500, 2001, ClockFloored}, Undetermined, ClockUntrusted},
		{"floored, too early throughout", Now{10, 999, ClockFloored}, Undetermined, ClockUntrusted},
		{"floored, too late throughout", Now{2001, 9000, ClockFloored}, Failed, Expired},
		{"unknown", Now{1500, 1500, ClockUnknown}, Undetermined, ClockUntrusted},
		{"backwards", Now{1600, 1500, ClockTrusted}, Undetermined, ClockUntrusted},
	} {
		var f Findings
		tt.now.within(&f, from, until)
		if f.State(Time) != tt.state || f.Reason(Time) != tt.reason {
			t.Errorf("%s: %v %v, want %v %v", tt.name, f.State(Time), f.Reason(Time), tt.state, tt.reason)
		}
	}
}
