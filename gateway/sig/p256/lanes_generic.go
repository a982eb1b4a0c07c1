//go:build !amd64 || p256generic

package p256

// laneScratch is the memory for vectors of signatures, which only some amd64 processors have.
type laneScratch struct{}

func newLaneScratch() laneScratch { return laneScratch{} }

func (v *Verifier) sumLanes() bool { return false }

func (v *Verifier) sumInLanes(int) (sum, bool) { return sum{}, false }
