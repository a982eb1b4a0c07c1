// Package camera turns pictures of QR, Aztec and Data Matrix codes into payloads, and payloads into QR pictures, by gozxing.
//
// It is the side road: image files and phone pictures. Hardware scanners are the main road.
//
// What it decides, and why:
//
//   - A payload is the exact bytes of the code, as a hardware scanner would send them: gozxing makes text of them, and that is
//     undone. No AIM identifier is put in front.
//   - gozxing misses about 8 % of clean QR codes, because it takes a pattern in the middle for a corner. So a picture is read
//     several ways, one after the other ([Decode]); what a later way finds was nearly always missed by chance, not damaged.
//   - gozxing may panic on a hostile picture, and takes minutes on one that is full of corner patterns: a panic is an error here,
//     and the search is given up when a picture has more corners than a picture of codes has.
//   - A picture's size is known before it is unpacked, and limited. Large ones are made smaller first.
//   - PDF is drawn by pdftoppm, a program of its own with limited time and output. Where it is not installed, that is said.
//   - One symbol of a payload that is spread over several (structured append) is no code.
package camera
