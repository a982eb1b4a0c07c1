package book

import "fmt"

// MaxLists is how many status lists a book has at most, and then each record has a place; maxIndex is one over the highest place.
const (
	MaxLists = MaxRecords / ListSize
	maxIndex = MaxLists * ListSize
)

// places are those of the status lists. Only the last list that was begun has free ones.
type places struct {
	lists int
	free  []int64 // of the last list, in no order
	state []place // over all lists that were begun
}

// place is whether a place is free.
type place uint8

const (
	free     place = iota
	reserved       // by this process
	used           // by a record
)

// take returns a free place; choice is random.
func (p *places) take(choice uint64) (int64, error) {
	if len(p.free) == 0 {
		if err := p.begin(); err != nil {
			return 0, err
		}
	}
	i := choice % uint64(len(p.free)) // of 2^64: no place is preferred by more than 1 in 2^47
	last := len(p.free) - 1
	index := p.free[i]
	p.free[i] = p.free[last]
	p.free = p.free[:last]
	p.state[index] = reserved
	return index, nil
}

// begin begins the next list.
func (p *places) begin() error {
	if p.lists == MaxLists {
		return ErrFull
	}
	p.grow(p.lists + 1)
	p.fill()
	return nil
}

func (p *places) grow(lists int) {
	p.state = append(p.state, make([]place, (lists-p.lists)*ListSize)...)
	p.lists = lists
}

// fill finds the free places of the last list.
func (p *places) fill() {
	p.free = p.free[:0]
	if p.lists == 0 {
		return
	}
	for i := int64(p.lists-1) * ListSize; i < int64(len(p.state)); i++ {
		if p.state[i] == free {
			p.free = append(p.free, i)
		}
	}
}

func (p *places) giveBack(index int64) {
	if !p.reserved(index) {
		return
	}
	p.state[index] = free
	if index >= int64(p.lists-1)*ListSize {
		p.free = append(p.free, index)
	}
}

// occupy marks a place that a record has; fill is to be called once after the last. The error is that another one has it.
func (p *places) occupy(index int64) error {
	if list := int(index/ListSize) + 1; list > p.lists {
		p.grow(list)
	}
	if p.state[index] != free {
		return fmt.Errorf("place %d is given twice", index)
	}
	p.use(index)
	return nil
}

func (p *places) reserved(index int64) bool {
	return index >= 0 && index < int64(len(p.state)) && p.state[index] == reserved
}

// use says that a record has a place.
func (p *places) use(index int64) { p.state[index] = used }
