package report

// outcome is what an answer means for the batch. The zero value says nothing about it: it is sent again.
type outcome uint8

const (
	busy       outcome = iota // no answer, or not now: the same batch again, later
	accepted                  // every entry of the batch is with the receiver
	refused                   // refused for its content: split, and park the single entry
	unfit                     // refused whatever it holds: credentials, address, format; again later, with an alarm
	clockFault                // refused for its timestamp: again later, with an alarm
)

// judge reads a status code (RFC 9110, section 15). Only what may depend on the content of one entry is refused: were a
// wrong address or a wrong secret taken for that, every entry would be parked, one by one.
//
//	2xx                                          accepted
//	408 425 429, 5xx                             busy
//	401 402 403 404 405 406 407 410 411 412 414
//	415 417 421 426 428 431 451, 1xx, 3xx        unfit: 410 too, for a journal never stops reporting by itself
//	400 409 413 422 and every other 4xx          refused
func judge(status int) outcome {
	switch status {
	case 408, 425, 429:
		return busy
	case 401, 402, 403, 404, 405, 406, 407, 410, 411, 412, 414, 415, 417, 421, 426, 428, 431, 451:
		return unfit
	}
	switch status / 100 {
	case 2:
		return accepted
	case 4:
		return refused
	case 1, 3:
		return unfit
	}
	return busy
}
