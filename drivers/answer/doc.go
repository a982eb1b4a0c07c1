// Package answer tells a gate reader that waits for its host what to do with the code it has just read: good, bad or ignore.
//
// Such a reader drives its own lamp and sound by the answer, and gives up, or shows an error, when none came in time. A reader
// that shows nothing by itself takes lamp.Beeper instead. The two are never both configured for one reader: Honeywell's and
// Opticon's commands for an answer and for a beep are the same bytes, and a second one would answer a scan that is not there
// yet. Answer is the one for a reader that waits: it also answers a code that is not judged again, where no lamp is set.
//
// What it decides, and why:
//
//   - The zero [Answer] is Bad. What is neither Bad nor Ignore nor Good is answered with Bad, and is an error.
//   - One scan gets one answer, and is named by when it was read: a second answer to it is not sent, nor one to a scan before it, whose
//     reader has stopped waiting.
//   - Nothing is sent late. A reader that has stopped waiting would take the answer for the next person's code, and a late Good
//     would let the wrong one in. The time is counted from when the scan was read and ends [Margin] before the reader's own; over a
//     network, for Good, earlier by as much as the network may hold it up.
//   - A write that does not leave within [SendTimeout] is dropped by the port, and the scan stays without an answer: every
//     reader here takes silence for "not good".
//   - Answers and triggers are constant bytes. Nothing of a code ever goes to a reader, which would take it for a command.
//
// Who answers, and by when, is the lane's: always, and within 1.5 s or [Reader.Limit], whichever is shorter.
//
// [Trigger] is the table of commands that start and stop reading, for fixed scanners that do not read all the time.
package answer
