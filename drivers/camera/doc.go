// Package camera turns pictures of QR, Aztec and Data Matrix codes into payloads, and payloads into QR pictures, by gozxing. The
// pictures are files, or the frames of a camera that the kernel knows (V4L2, by blackjack/webcam), which is then a scanner.
//
// It is the side road. Hardware scanners are the main road. It does not read PDF417, which gozxing cannot: paper boarding passes need
// a scanner.
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
//
// Of a camera ([Open]):
//
//   - It is named by its place, /dev/v4l/by-path/…, or found by its USB port ([Find]). [List] names all.
//   - Frames are taken uncompressed if the camera has them large enough: GREY, then NV12, whose brightness lies in one piece, then
//     YUYV. MJPG is the last choice: unpacking a frame takes as long as searching it, and makes three times the garbage.
//   - Only the brightness of the square in the middle is looked at, at most 768 pixels a side: hold the code there. Aztec and
//     Data Matrix codes must cover the very middle and stand nearly upright, since gozxing begins its search there.
//   - A frame is searched in the cheapest way and one of three dearer ones, which take turns over the frames. Each frame so has a
//     bounded cost, and a code that stays for three frames is looked at in all ways. "pure" and "padded", which help
//     with files, read nothing in frames that these do not.
//   - After a search the camera rests for as long as that took: it uses half of one core at most, however slow the
//     processor is. After a code it rests a quarter of a second, so that a phone left in view is reported four times a second; to call
//     that one showing is the caller's. Nothing is remembered of a code.
//   - The newest frame is searched, and none that waited: the kernel stops filling when its buffers are full, and what stands in
//     them then is as old as the last look. Such frames are given back unseen.
//   - It starts no goroutine and holds no thread: waiting is a timer that looks for a frame every 5 ms. The search runs in the
//     goroutine that calls ReadFrame and makes half a megabyte of garbage a frame, which the collector's threads clear.
//   - A camera that gives no frame that can be used for three seconds counts as gone, like one that was unplugged.
//   - Payloads and our copies of frames are overwritten after use. Copies that gozxing made are left to the collector; the kernel's
//     buffers are overwritten by the camera, and by the kernel when they are given back.
//
// blackjack/webcam gives back the frame size that was asked for, not the one that the driver made of it: a frame's length is held against
// the size. It leaves the buffers mapped when a stream does not start: they are unmapped here.
package camera
