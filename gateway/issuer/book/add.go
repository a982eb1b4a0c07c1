package book

import (
	"fmt"
	"slices"
)

// MaxAdd is how many records Add and Mark take at once.
const MaxAdd = maxTorn / maxLine

// Add adds records, all of them or none, and returns when they are on disk. A record's place must be one that Reserve returned, and
// nothing in the book, nor among rs, has its id or its reference. After an error of the disk the book takes nothing more.
func (b *Book) Add(rs []Record) error {
	if len(rs) == 0 {
		return nil
	}
	if len(rs) > MaxAdd || len(b.records)+len(rs) > MaxRecords {
		return fmt.Errorf("add %d records to the book, at most %d at once and %d in all", len(rs), MaxAdd, MaxRecords)
	}
	var lines []byte
	sum := b.sum
	for i := range rs {
		r := &rs[i]
		if err := b.mayAdd(r); err != nil {
			return err
		}
		if slices.ContainsFunc(rs[:i], r.contradicts) {
			return fmt.Errorf("%w: id, reference, place or what it replaces stands twice", ErrRecord)
		}
		if r.Index != NoIndex && !b.places.reserved(r.Index) {
			return fmt.Errorf("%w: place %d is not reserved", ErrRecord, r.Index)
		}
		lines, sum = appendLine(lines, sum, r.fields()...)
	}
	if err := b.write(lines, sum); err != nil {
		return err
	}
	for _, r := range rs {
		if r.Index != NoIndex {
			b.places.use(r.Index)
		}
		b.insert(r)
	}
	return nil
}

// contradicts reports whether a book could not hold both.
func (r *Record) contradicts(x Record) bool {
	return x.ID == r.ID || r.Ref != "" && x.Ref == r.Ref || r.Index != NoIndex && x.Index == r.Index || r.Replaces != ID{} && x.Replaces == r.Replaces
}

// mayAdd refuses a record that contradicts one that is there.
func (b *Book) mayAdd(r *Record) error {
	if err := r.check(); err != nil {
		return err
	}
	if len(b.records) == MaxRecords {
		return ErrFull
	}
	if _, taken := b.byID[r.ID]; taken {
		return fmt.Errorf("%w: id %v is there already", ErrRecord, r.ID)
	}
	if _, taken := b.byRef[r.Ref]; taken && r.Ref != "" {
		return fmt.Errorf("%w: reference %q is there already", ErrRecord, r.Ref)
	}
	if r.Replaces != (ID{}) {
		return b.mayMark(r.Replaces, Replaced)
	}
	return nil
}

// insert adds a record whose line is on disk.
func (b *Book) insert(r Record) {
	n := int32(len(b.records))
	r.State, r.ReplacedBy = Valid, ID{}
	b.records = append(b.records, r)
	b.byID[r.ID] = n
	if r.Ref != "" {
		b.byRef[r.Ref] = n
	}
	if r.Replaces != (ID{}) {
		old := &b.records[b.byID[r.Replaces]]
		old.State, old.ReplacedBy = Replaced, r.ID
	}
}

// Mark changes the state of several, all or none, and returns when that is on disk. One that has the state already stays as it is. The
// errors are ErrUnknown and ErrState. Replaced is what Add makes of one that is replaced.
func (b *Book) Mark(ids []ID, state State, now int64) error {
	if len(ids) > MaxAdd {
		return fmt.Errorf("mark %d records of the book, at most %d at once", len(ids), MaxAdd)
	}
	var lines []byte
	sum := b.sum
	var changed []ID
	for _, id := range ids {
		i, ok := b.byID[id]
		if ok && b.records[i].State == state || slices.Contains(changed, id) {
			continue
		}
		if state == Replaced {
			return fmt.Errorf("%v: %w: nothing replaces it", id, ErrState)
		}
		if err := b.mayMark(id, state); err != nil {
			return err
		}
		changed = append(changed, id)
		lines, sum = appendLine(lines, sum, typeState, id.String(), state.String(), decimal(now))
	}
	if len(changed) == 0 {
		return nil
	}
	if err := b.write(lines, sum); err != nil {
		return err
	}
	for _, id := range changed {
		b.records[b.byID[id]].State = state
	}
	return nil
}

// mayMark refuses a change of state that does not exist.
func (b *Book) mayMark(id ID, state State) error {
	i, ok := b.byID[id]
	if !ok {
		return fmt.Errorf("%v: %w", id, ErrUnknown)
	}
	r := &b.records[i]
	if r.Index == NoIndex {
		return fmt.Errorf("%v: %w: no status list is about a %s", id, ErrState, r.Kind)
	}
	if !r.State.mayBecome(state) {
		return fmt.Errorf("%v: %w: it is %v", id, ErrState, r.State)
	}
	return nil
}

// write appends lines and waits for the disk.
func (b *Book) write(lines []byte, sum uint32) error {
	if b.failed {
		return errUnusable
	}
	if b.file == nil {
		b.sum = sum
		return nil
	}
	_, err := b.file.Write(lines)
	if err == nil {
		err = b.file.Sync()
	}
	if err != nil {
		// Whatever part of it is in the file was never acknowledged. If it cannot be taken out, it is whole lines that were not
		// printed, and an unfinished one: the next Open deals with both.
		b.failed = true
		_ = b.file.Truncate(b.size)
		return fmt.Errorf("write book: %w", err)
	}
	b.size, b.sum = b.size+int64(len(lines)), sum
	return nil
}
