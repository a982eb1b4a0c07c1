package lane

// Dropper is a Scanner whose driver has a queue of its own: Dropped counts the codes that found it full.
type Dropper interface {
	Dropped() uint64
}

// dropCounter tells of codes that a scanner's driver had no room for while nobody took the ones before: the disk stood still, and whoever
// showed them was asked to wait for a person.
type dropCounter struct {
	lane   *Lane
	driver Dropper // nil: this one drops none
	said   uint64
}

func (l *Lane) counterOf(s Scanner) *dropCounter {
	driver, _ := s.(Dropper)
	return &dropCounter{lane: l, driver: driver}
}

// look says how many there are since the last look.
func (c *dropCounter) look() {
	if c.driver == nil {
		return
	}
	n := c.driver.Dropped() - c.said
	if n == 0 {
		return
	}
	c.said += n
	c.lane.gate.opts.Log.Error("scanner: codes came while all buffers were full, and have no verdict", "lane", c.lane.config.ID, "codes", n)
	c.lane.display.dropped(n)
}
