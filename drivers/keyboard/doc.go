// Package keyboard turns the key codes of a scanner that types into text, and text into key codes.
//
// A key code names a place on the keyboard, not a character: the scanner types as if the computer had a certain layout, and
// which one is a setting of the scanner. AZERTY, normal in France and Morocco, moves digits, letters and most of base45's signs.
//
// What it decides, and why:
//
//   - The layout is found from the first code whose start is known (HC1:, PT1:, shc:/, and M with the number of legs of a
//     boarding pass, also after an AIM identifier), under the only layout that gives it. It stays until a code has such a start
//     under another layout alone. A code without a known start is given in the layout found so far, or, before one is found, in
//     US, which scanners leave the factory with: shown and refused is better than silently lost. A layout can be fixed instead.
//   - M1 is typed by the same keys in US and DE, where Y and Z and most signs differ, and a boarding pass has no signature
//     that would notice. Such a code is read in the layout found before; without one, in the layout whose text alone can be a
//     boarding pass (IATA Resolution 792). Where that does not tell either, the code is discarded and counted as ambiguous,
//     never guessed. A pass that contradicts the layout found is discarded too, and that layout forgotten.
//   - What is found rests on what was shown. Somebody can make a code that a scanner set to US types as HC1: of DE, and a
//     scanner set to a layout that is not here can pass for DE. Where unsigned codes are accepted, the layout is to be fixed.
//   - Enter and Tab end a code, from either key block or as Alt + 013, 010, 009. Keys that write nothing (F1, NumLock) are
//     passed over. A key that the layout has no character for discards its code.
//   - Key presses [MaxGap] or more apart are not of one code: what came before is discarded, and what follows, which may be the
//     rest of it, is given only if it has a known start.
//   - Alt + number pad gives the byte of that number, 0 to 255, with or without a leading zero. No code page is applied: that is
//     what a scanner means that types a code's bytes this way. Characters beyond ASCII that are keys of a layout are UTF-8.
//   - Caps lock is a state of the computer, so it is kept here: the scanner's Caps Lock key changes it. On AZERTY and QWERTZ it
//     acts on digits and signs too, as Windows has it, which scanners are made for. Where only the other state gives HC1:, shc:/
//     or PT1:, the state was lost, and is set right.
//   - There is no Arabic layout. The one of Morocco (Arabic (102) AZERTY, kbda3) has Arabic letters where the others have Latin
//     ones, at every level, so no key types HC1 or M1. A scanner set to it has to type each byte as Alt + number pad, which is
//     read whatever the layout, also before one is found.
//
// The tables are those of the Windows layouts kbdus, kbdfr and kbdgr (Microsoft, Windows-driver-samples, input/layout: kbdus,
// all_kbds/kbdfr, all_kbds/kbdgr); what is said of kbda3 is after ReactOS (dll/keyboard/kbda3). The places are the usages of
// the HID keyboard page (HID Usage Tables 1.5, section 10). Dead keys work as there: accent and space is the accent, accent
// and vowel is one letter. Binary codes do not survive typing; they need another link.
//
// It is pure: elapsed time is passed in. A Decoder allocates nothing once made.
package keyboard
