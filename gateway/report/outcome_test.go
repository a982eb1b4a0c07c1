package report

import "testing"

func TestStatusCodesAreJudged(t *testing.T) {
	t.Parallel()
	for want, codes := range map[outcome][]int{
		accepted:   {200, 201, 202, 204, 299},
		busy:       {408, 425, 429, 500, 501, 502, 503, 504, 507, 599, 0, 600},
		unfit:      {100, 301, 302, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 411, 412, 414, 415, 417, 421, 426, 428, 431, 451},
		refused:    {400, 409, 413, 416, 418, 422, 423, 424, 499},
		clockFault: {}, // no status says it
	} {
		for _, code := range codes {
			if got := judge(code); got != want {
				t.Errorf("judge(%d) = %d, want %d", code, got, want)
			}
		}
	}
}
