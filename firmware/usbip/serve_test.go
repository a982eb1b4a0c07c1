package usbip_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"passerelle/firmware/usbip"
)

// kernel is the other end of a device: it writes requests byte by byte as usbip_protocol.rst lays them out.
type kernel struct {
	t        *testing.T
	conn     *os.File
	sequence uint32
	served   chan error
}

func newKernel(t *testing.T, d *usbip.Device) *kernel {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	device := os.NewFile(uintptr(fds[0]), "device")
	k := &kernel{t: t, conn: os.NewFile(uintptr(fds[1]), "kernel"), served: make(chan error, 1)}
	go func() { k.served <- usbip.Serve(device, d) }()
	t.Cleanup(func() {
		k.conn.Close()
		device.Close()
	})
	// The device has power as soon as it answers.
	if r := k.control(0x80, 8, 0, 0, nil, 1); r.status != 0 {
		t.Fatalf("first request: status %d", r.status)
	}
	return k
}

// reply is an answer of the device.
type reply struct {
	command, sequence uint32
	status            int32
	length            uint32
	data              []byte
}

func (k *kernel) send(words [12]uint32, data []byte) {
	k.t.Helper()
	var b []byte
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	if _, err := k.conn.Write(append(b, data...)); err != nil {
		k.t.Fatal(err)
	}
}

// submit sends a transfer that has room for length bytes, or brings data.
func (k *kernel) submit(endpoint byte, length int, setup [8]byte, data []byte) uint32 {
	k.t.Helper()
	k.sequence++
	direction := uint32(0)
	if endpoint&0x80 != 0 || endpoint == 0 && setup[0]&0x80 != 0 {
		direction = 1
	} else {
		length = len(data)
	}
	k.send([12]uint32{
		1, k.sequence, 0x10001, direction, uint32(endpoint & 0x0F), 0, uint32(length), 0, 0xFFFFFFFF, 4,
		binary.BigEndian.Uint32(setup[:]), binary.BigEndian.Uint32(setup[4:]),
	}, data)
	return k.sequence
}

func (k *kernel) unlink(sequence uint32) uint32 {
	k.t.Helper()
	k.sequence++
	k.send([12]uint32{2, k.sequence, 0x10001, 0, 0, sequence}, nil)
	return k.sequence
}

// receive takes the next answer. from names the request that it must answer.
func (k *kernel) receive(from uint32) reply {
	k.t.Helper()
	if err := k.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		k.t.Fatal(err)
	}
	var h [48]byte
	if _, err := io.ReadFull(k.conn, h[:]); err != nil {
		k.t.Fatal(err)
	}
	word := func(at int) uint32 { return binary.BigEndian.Uint32(h[at:]) }
	r := reply{command: word(0), sequence: word(4), status: int32(word(0x14)), length: word(0x18)}
	if r.sequence != from {
		k.t.Fatalf("answer to request %d, want %d", r.sequence, from)
	}
	if word(8) != 0 || word(0xC) != 0 || word(0x10) != 0 {
		k.t.Errorf("devid, direction and endpoint of an answer are %x, want 0", h[8:0x14])
	}
	return r
}

// in receives the answer to a transfer from the device.
func (k *kernel) in(from uint32) reply {
	k.t.Helper()
	r := k.receive(from)
	r.data = make([]byte, r.length)
	if _, err := io.ReadFull(k.conn, r.data); err != nil {
		k.t.Fatal(err)
	}
	return r
}

// silent says that the device answers nothing for a while.
func (k *kernel) silent() {
	k.t.Helper()
	if err := k.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		k.t.Fatal(err)
	}
	if n, err := k.conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Fatalf("the device answered: %d bytes, %v", n, err)
	}
}

// control does one control request.
func (k *kernel) control(kind, request byte, value, index uint16, data []byte, length int) reply {
	k.t.Helper()
	if data != nil {
		length = len(data)
	}
	setup := [8]byte{kind, request, byte(value), byte(value >> 8), byte(index), byte(index >> 8), byte(length), byte(length >> 8)}
	sequence := k.submit(0, length, setup, data)
	if kind&0x80 != 0 {
		return k.in(sequence)
	}
	return k.receive(sequence)
}

func (k *kernel) descriptor(kind, index byte, length int) reply {
	k.t.Helper()
	return k.control(0x80, 6, uint16(kind)<<8|uint16(index), 0, nil, length)
}

const (
	stall    = -int32(unix.EPIPE)
	unlinked = -int32(unix.ECONNRESET)
	babble   = -int32(unix.EOVERFLOW)
)

// The requests of the example in usbip_protocol.rst, and the answers that its tables give.
func TestBytesAreThoseOfTheProtocol(t *testing.T) {
	t.Parallel()
	scanner := usbip.NewHID(usbip.Identity{}, usbip.HIDOptions{Descriptor: []byte(posDescriptor), OutEndpoint: true})
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	device, host := os.NewFile(uintptr(fds[0]), "device"), os.NewFile(uintptr(fds[1]), "host")
	defer host.Close()
	go usbip.Serve(device, scanner.Device)
	word := func(text string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	exchange := func(request, want []byte) {
		t.Helper()
		if _, err := host.Write(request); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if err := host.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(host, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("got\n%x\nwant\n%x", got, want)
		}
	}
	data := bytes.Repeat([]byte{0xA7}, 64)
	// CmdIntrOUT and RetIntrOut on endpoint 2, where this device has it.
	exchange(
		append(word("00000001 00000d06 0001000f 00000000 00000002 00000000 00000040 ffffffff 00000000 00000004 00000000 00000000"), data...),
		word("00000003 00000d06 00000000 00000000 00000000 00000000 00000040 00000000 00000000 00000000 00000000 00000000"),
	)
	if got := scanner.Outputs(); len(got) != 1 || !bytes.Equal(got[0], data) {
		t.Errorf("output reports are %x", got)
	}
	// CmdIntrIN and RetIntrIn.
	if err := scanner.Send(data); err != nil {
		t.Fatal(err)
	}
	exchange(
		word("00000001 00000d05 0001000f 00000001 00000001 00000200 00000040 ffffffff 00000000 00000004 00000000 00000000"),
		append(word("00000003 00000d05 00000000 00000000 00000000 00000000 00000040 00000000 00000000 00000000 00000000 00000000"), data...),
	)
	// The same with the number of packets that the table demands, taken back: status -ECONNRESET in CMD_UNLINK's answer.
	if _, err := host.Write(word("00000001 00000d07 0001000f 00000001 00000001 00000200 00000040 00000000 ffffffff 00000004 00000000 00000000")); err != nil {
		t.Fatal(err)
	}
	exchange(
		word("00000002 00000d08 0001000f 00000000 00000000 00000d07 00000000 00000000 00000000 00000000 00000000 00000000"),
		word("00000004 00000d08 00000000 00000000 00000000 ffffff98 00000000 00000000 00000000 00000000 00000000 00000000"),
	)
	// Taken back too late: status 0.
	exchange(
		word("00000002 00000d09 0001000f 00000000 00000000 00000d05 00000000 00000000 00000000 00000000 00000000 00000000"),
		word("00000004 00000d09 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"),
	)
	// GET_DESCRIPTOR of the configuration's first 9 bytes.
	exchange(
		word("00000001 00000d0a 0001000f 00000001 00000000 00000200 00000009 00000000 ffffffff 00000000 80060002 00000900"),
		append(
			word("00000003 00000d0a 00000000 00000000 00000000 00000000 00000009 00000000 ffffffff 00000000 00000000 00000000"),
			9, 2, 41, 0, 1, 1, 0, 0x80, 50,
		),
	)
}

func TestDescriptorsSayWhatTheDeviceIs(t *testing.T) {
	t.Parallel()
	id := usbip.Identity{Vendor: 0x0C2E, Product: 0x0B61, Release: 0x0123, Maker: "Maker", Name: "Näme 😀", Speed: usbip.HighSpeed}
	k := newKernel(t, usbip.NewHID(id, usbip.HIDOptions{Descriptor: []byte(posDescriptor), PacketSize: 8, Boot: true}).Device)
	want := []byte{18, 1, 0, 2, 0, 0, 0, 64, 0x2E, 0x0C, 0x61, 0x0B, 0x23, 0x01, 1, 2, 0, 1}
	if got := k.descriptor(1, 0, 64); !bytes.Equal(got.data, want) {
		t.Errorf("device descriptor is %x, want %x", got.data, want)
	}
	want = []byte{
		9, 2, 34, 0, 1, 1, 0, 0x80, 50,
		9, 4, 0, 0, 1, 3, 1, 1, 0,
		9, 0x21, 0x11, 0x01, 0, 1, 0x22, byte(len(posDescriptor)), 0,
		7, 5, 0x81, 3, 8, 0, 4,
	}
	if got := k.descriptor(2, 0, 255); !bytes.Equal(got.data, want) {
		t.Errorf("configuration is %x, want %x", got.data, want)
	}
	if got := k.control(0x81, 6, 0x2200, 0, nil, 4096); string(got.data) != posDescriptor {
		t.Errorf("report descriptor is %x", got.data)
	}
	if got := k.descriptor(3, 0, 255); !bytes.Equal(got.data, []byte{4, 3, 9, 4}) {
		t.Errorf("languages are %x", got.data)
	}
	if got := k.descriptor(3, 2, 255); !bytes.Equal(got.data, []byte("\x10\x03N\x00\xe4\x00m\x00e\x00 \x00\x3d\xd8\x00\xde")) {
		t.Errorf("name is %x", got.data)
	}
	for _, missing := range [][2]byte{{3, 3}, {3, 9}, {6, 0}, {1, 1}, {2, 1}, {15, 0}} {
		if got := k.descriptor(missing[0], missing[1], 255); got.status != stall {
			t.Errorf("descriptor %v: status %d, want a stall", missing, got.status)
		}
	}
}

func TestLongStringsAreCutToWhatADescriptorHolds(t *testing.T) {
	t.Parallel()
	for units, want := range map[int]int{126: 254, 127: 254} {
		k := newKernel(t, usbip.NewHub(usbip.Identity{Maker: strings.Repeat("x", units)}))
		if got := k.descriptor(3, 1, 255); len(got.data) != want || got.data[0] != byte(want) {
			t.Errorf("%d units: %d bytes, want %d", units, len(got.data), want)
		}
	}
}

func TestTransferEndsAsOnAWire(t *testing.T) {
	t.Parallel()
	report := func(n int) []byte { return bytes.Repeat([]byte{byte(n)}, n) }
	for _, tt := range []struct {
		name   string
		packet int
		room   int
		send   [][]byte
		want   [][]byte // nil: waits
		status int32    // of the last
	}{
		{"nothing queued", 64, 64, nil, [][]byte{nil}, 0},
		{"one full packet fills the buffer", 64, 64, [][]byte{report(64)}, [][]byte{report(64)}, 0},
		{"a short packet", 64, 64, [][]byte{report(63)}, [][]byte{report(63)}, 0},
		{"a zero-length packet", 64, 64, [][]byte{nil, report(8)}, [][]byte{{}, report(8)}, 0},
		{"eight packets of one report", 8, 64, [][]byte{report(64)}, [][]byte{report(64)}, 0},
		{"a report over two packets", 8, 64, [][]byte{report(12)}, [][]byte{report(12)}, 0},
		{"a full packet and room for more", 8, 64, [][]byte{report(8)}, [][]byte{nil}, 0},
		{"a full packet, ended by an empty one", 8, 64, [][]byte{report(8), nil}, [][]byte{report(8)}, 0},
		{"one report a transfer", 64, 64, [][]byte{report(8), report(9)}, [][]byte{report(8), report(9)}, 0},
		{"more than there is room for", 64, 8, [][]byte{report(9)}, [][]byte{report(9)[:8]}, babble},
		{"no room at all", 64, 0, [][]byte{nil}, [][]byte{{}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, early := range []bool{true, false} {
				d := usbip.NewHID(usbip.Identity{}, usbip.HIDOptions{Descriptor: []byte(posDescriptor), PacketSize: tt.packet})
				k := newKernel(t, d.Device)
				if early {
					if err := d.Send(tt.send...); err != nil {
						t.Fatal(err)
					}
				}
				var sent []uint32
				for range tt.want {
					sent = append(sent, k.submit(usbip.HIDIn, tt.room, [8]byte{}, nil))
				}
				if !early {
					if err := d.Send(tt.send...); err != nil {
						t.Fatal(err)
					}
				}
				for i, want := range tt.want {
					if want == nil {
						k.silent()
						continue
					}
					got := k.in(sent[i])
					status := int32(0)
					if i == len(tt.want)-1 {
						status = tt.status
					}
					if !bytes.Equal(got.data, want) || got.status != status {
						t.Errorf("transfer %d (queued early: %v): got %x, status %d, want %x, %d", i, early, got.data, got.status, want, status)
					}
				}
			}
		})
	}
}

func TestStalledEndpointStaysHaltedUntilItIsCleared(t *testing.T) {
	t.Parallel()
	d := newScanner(usbip.FullSpeed)
	k := newKernel(t, d.Device)
	if err := errors.Join(d.Send([]byte("one")), d.Stall(usbip.HIDIn), d.Send([]byte("two"))); err != nil {
		t.Fatal(err)
	}
	if got := k.in(k.submit(usbip.HIDIn, 64, [8]byte{}, nil)); string(got.data) != "one" {
		t.Fatalf("got %q", got.data)
	}
	for range 2 {
		if got := k.in(k.submit(usbip.HIDIn, 64, [8]byte{}, nil)); got.status != stall {
			t.Errorf("halted: status %d", got.status)
		}
	}
	if got := k.control(0x82, 0, 0, usbip.HIDIn, nil, 2); !bytes.Equal(got.data, []byte{1, 0}) {
		t.Errorf("status of the halted endpoint is %x", got.data)
	}
	if got := k.control(0x02, 1, 0, usbip.HIDIn, nil, 0); got.status != 0 {
		t.Errorf("clear: status %d", got.status)
	}
	if got := k.in(k.submit(usbip.HIDIn, 64, [8]byte{}, nil)); string(got.data) != "two" || got.status != 0 {
		t.Errorf("cleared: got %q, status %d", got.data, got.status)
	}
}

func TestTransfersThatWaitAreTakenBack(t *testing.T) {
	t.Parallel()
	d := newScanner(usbip.FullSpeed)
	k := newKernel(t, d.Device)
	first, second := k.submit(usbip.HIDIn, 64, [8]byte{}, nil), k.submit(usbip.HIDIn, 64, [8]byte{}, nil)
	if got := k.receive(k.unlink(first)); got.command != 4 || got.status != unlinked {
		t.Errorf("got %+v", got)
	}
	if err := d.Send([]byte("for the second")); err != nil {
		t.Fatal(err)
	}
	if got := k.in(second); string(got.data) != "for the second" {
		t.Errorf("got %q", got.data)
	}
	if got := k.receive(k.unlink(second)); got.status != 0 {
		t.Errorf("taken back after its answer: status %d", got.status)
	}
}

func TestHangingDeviceAnswersNothingButUnlinks(t *testing.T) {
	t.Parallel()
	d := newScanner(usbip.FullSpeed)
	k := newKernel(t, d.Device)
	d.Hang()
	if err := d.Send([]byte("later")); err != nil {
		t.Fatal(err)
	}
	transfer := k.submit(usbip.HIDIn, 64, [8]byte{}, nil)
	request := k.submit(0, 18, [8]byte{0x80, 6, 0, 1, 0, 0, 18}, nil)
	k.silent()
	if got := k.receive(k.unlink(request)); got.status != unlinked {
		t.Errorf("status %d", got.status)
	}
	d.Recover()
	if got := k.in(transfer); string(got.data) != "later" {
		t.Errorf("recovered: got %q", got.data)
	}
	if got := k.descriptor(1, 0, 18); len(got.data) != 18 {
		t.Errorf("recovered: got %x", got.data)
	}
}

func TestDelaysAndPausesKeepTheOrder(t *testing.T) {
	t.Parallel()
	d := newScanner(usbip.FullSpeed)
	k := newKernel(t, d.Device)
	const pause = 60 * time.Millisecond
	begun := time.Now()
	d.Delay(0, pause)
	if got := k.descriptor(1, 0, 18); len(got.data) != 18 || time.Since(begun) < pause {
		t.Errorf("delayed request: %x after %v", got.data, time.Since(begun))
	}
	d.Delay(0, 0)
	var sent []uint32
	for range 3 {
		sent = append(sent, k.submit(usbip.HIDIn, 64, [8]byte{}, nil))
	}
	begun = time.Now()
	if err := errors.Join(d.Send([]byte("a")), d.Pause(usbip.HIDIn, pause), d.Send([]byte("b"), []byte("c"))); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a", "b", "c"} {
		if got := k.in(sent[i]); string(got.data) != want {
			t.Errorf("transfer %d: got %q, want %q", i, got.data, want)
		}
		if i == 1 && time.Since(begun) < pause {
			t.Errorf("after %v, want a pause of %v", time.Since(begun), pause)
		}
	}
}

func TestDeviceCanBePluggedInAgainAndHasForgotten(t *testing.T) {
	t.Parallel()
	d := usbip.NewHID(usbip.Identity{}, usbip.HIDOptions{Descriptor: []byte(posDescriptor), Redirect: 0xFE})
	for range 2 {
		k := newKernel(t, d.Device)
		if d.Configured() {
			t.Error("configured before the host asked for it")
		}
		if got := k.control(0x00, 9, 1, 0, nil, 0); got.status != 0 || !d.Configured() {
			t.Errorf("set configuration: status %d", got.status)
		}
		if err := d.Send([]byte("too early")); err != nil {
			t.Fatal(err)
		}
		if got := k.control(0x21, 9, 0x03FE, 0, []byte{0xFE, 1}, 0); got.status != 0 {
			t.Errorf("set feature report: status %d", got.status)
		}
		if err := d.Send([]byte("kept for nobody"), []byte("taken")); err != nil {
			t.Fatal(err)
		}
		if got := k.in(k.submit(usbip.HIDIn, 64, [8]byte{}, nil)); string(got.data) != "kept for nobody" {
			t.Errorf("got %q", got.data)
		}
		if err := usbip.Serve(k.conn, d.Device); err == nil {
			t.Error("plugged in twice")
		}
		k.conn.Close()
		if err := <-k.served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if err := d.Send([]byte("nobody")); !errors.Is(err, usbip.ErrUnplugged) {
			t.Errorf("Send after unplugging: %v", err)
		}
	}
	if got := d.Withheld(); got != 2 {
		t.Errorf("%d reports were withheld, want 2", got)
	}
}

func TestHIDRequests(t *testing.T) {
	t.Parallel()
	d := usbip.NewHID(usbip.Identity{}, usbip.HIDOptions{Descriptor: usbip.BootKeyboard(), Boot: true, Features: [][]byte{{7, 1, 2}}})
	k := newKernel(t, d.Device)
	for _, tt := range []struct {
		name         string
		kind         byte
		request      byte
		value, index uint16
		data         []byte
		want         []byte
		refused      bool
	}{
		{"read a feature report", 0xA1, 1, 0x0307, 0, nil, []byte{7, 1, 2}, false},
		{"read one that is not there", 0xA1, 1, 0x0308, 0, nil, nil, true},
		{"read an input report", 0xA1, 1, 0x0100, 0, nil, nil, true},
		{"set a feature report", 0x21, 9, 0x0307, 0, []byte{7, 3, 4}, nil, false},
		{"read it back", 0xA1, 1, 0x0307, 0, nil, []byte{7, 3, 4}, false},
		{"set one of another length", 0x21, 9, 0x0307, 0, []byte{7, 3}, nil, true},
		{"set one that is not there", 0x21, 9, 0x0308, 0, []byte{8, 1}, nil, true},
		{"set lamps", 0x21, 9, 0x0200, 0, []byte{5}, nil, false},
		{"set idle", 0x21, 10, 0x0400, 0, nil, nil, false},
		{"read idle", 0xA1, 2, 0, 0, nil, []byte{4}, false},
		{"set the boot protocol", 0x21, 11, 0, 0, nil, nil, false},
		{"read the protocol", 0xA1, 3, 0, 0, nil, []byte{0}, false},
		{"set protocol 2", 0x21, 11, 2, 0, nil, nil, true},
		{"interface 1", 0xA1, 2, 0, 1, nil, nil, true},
		{"vendor request", 0xC1, 2, 0, 0, nil, nil, true},
		{"configuration 2", 0x00, 9, 2, 0, nil, nil, true},
		{"alternate setting 1", 0x01, 11, 1, 0, nil, nil, true},
		{"remote wakeup", 0x00, 3, 1, 0, nil, nil, false},
		{"status of the device", 0x80, 0, 0, 0, nil, []byte{2, 0}, false},
		{"test mode", 0x00, 3, 2, 0, nil, nil, true},
		{"status of an endpoint that is not there", 0x82, 0, 0, 0x85, nil, nil, true},
	} {
		got := k.control(tt.kind, tt.request, tt.value, tt.index, tt.data, 64)
		if (got.status == stall) != tt.refused || got.status != 0 && got.status != stall || tt.kind&0x80 != 0 && !bytes.Equal(got.data, tt.want) {
			t.Errorf("%s: got %x, status %d", tt.name, got.data, got.status)
		}
		kept := d.Requests()
		if last := kept[len(kept)-1]; last.Request != tt.request || last.Value != tt.value || last.Stalled != tt.refused || !bytes.Equal(last.Data, tt.data) {
			t.Errorf("%s: kept %+v", tt.name, last)
		}
	}
	if got := d.Outputs(); !slices.EqualFunc(got, [][]byte{{5}}, bytes.Equal) {
		t.Errorf("output reports are %x", got)
	}
}

func TestSerialPortsCarryBytesBothWays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		device *usbip.Serial
		head   string
		room   int // for data in a packet of 64
	}{
		{"CDC-ACM", usbip.NewACM(usbip.Identity{}), "", 64},
		{"FTDI", usbip.NewFTDI(usbip.Identity{}), "\xB1\x60", 62},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKernel(t, tt.device.Device)
			for n, packets := range map[int]int{0: 1, 1: 1, tt.room - 1: 1, tt.room: 2, tt.room + 1: 2, 3 * tt.room: 4} {
				sent := bytes.Repeat([]byte("x"), n)
				if got, err := tt.device.Write(sent); got != n || err != nil {
					t.Fatal(got, err)
				}
				var got []byte
				for range packets {
					r := k.in(k.submit(usbip.SerialIn, 64, [8]byte{}, nil))
					if string(r.data[:len(tt.head)]) != tt.head {
						t.Fatalf("%d bytes: packet %x", n, r.data)
					}
					got = append(got, r.data[len(tt.head):]...)
				}
				if !bytes.Equal(got, sent) || tt.device.Pending(usbip.SerialIn) != 0 {
					t.Errorf("%d bytes: got %d, %d packets left", n, len(got), tt.device.Pending(usbip.SerialIn))
				}
			}
			k.receive(k.submit(usbip.SerialOut, 0, [8]byte{}, []byte("\x16\x07\r")))
			buf := make([]byte, 2)
			var got []byte
			for len(got) < 3 {
				n, err := tt.device.Receive(within(t, patience), buf)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, buf[:n]...)
			}
			if string(got) != "\x16\x07\r" {
				t.Errorf("received %q", got)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			if _, err := tt.device.Receive(ctx, buf); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Receive of nothing: %v", err)
			}
		})
	}
}

func TestLineSettingsAreThoseOfTheHost(t *testing.T) {
	t.Parallel()
	acm, ftdi := usbip.NewACM(usbip.Identity{}), usbip.NewFTDI(usbip.Identity{})
	k := newKernel(t, acm.Device)
	k.control(0x21, 0x20, 0, 0, []byte{0x00, 0xC2, 0x01, 0x00, 0, 0, 8}, 0)
	k.control(0x21, 0x22, 1, 0, nil, 0)
	if got, want := acm.Line(), (usbip.Line{Baud: 115200, DataBits: 8, DTR: true}); got != want {
		t.Errorf("CDC-ACM: got %+v, want %+v", got, want)
	}
	if got := k.control(0xA1, 0x21, 0, 0, nil, 7); !bytes.Equal(got.data, []byte{0x00, 0xC2, 0x01, 0x00, 0, 0, 8}) {
		t.Errorf("line coding read back is %x", got.data)
	}
	if got := k.control(0x21, 0x20, 0, 0, []byte{1, 2, 3}, 0); got.status != stall {
		t.Errorf("short line coding: status %d", got.status)
	}
	k = newKernel(t, ftdi.Device)
	for baud, divisor := range map[int]uint16{9600: 0x4138, 115200: 0x001A, 230400: 0x000D, 3000000: 0, 2000000: 1, 57600: 0xC034} {
		k.control(0x40, 3, divisor, 0, nil, 0)
		if got := ftdi.Line().Baud; got < baud*97/100 || got > baud*103/100 {
			t.Errorf("FTDI: divisor %#x is %d baud, want %d", divisor, got, baud)
		}
	}
	k.control(0x40, 4, 8, 0, nil, 0)
	k.control(0x40, 1, 0x0303, 0, nil, 0)
	k.control(0x40, 1, 0x0200, 0, nil, 0)
	if got := ftdi.Line(); got.DataBits != 8 || !got.DTR || got.RTS {
		t.Errorf("FTDI: got %+v", got)
	}
	k.control(0x40, 9, 1, 0, nil, 0)
	if got := k.control(0xC0, 0x0A, 0, 0, nil, 1); !bytes.Equal(got.data, []byte{1}) {
		t.Errorf("latency is %x", got.data)
	}
}

func TestPacketsHaveTheEndpointsSize(t *testing.T) {
	t.Parallel()
	d := usbip.NewACM(usbip.Identity{})
	newKernel(t, d.Device)
	if err := d.Packets(usbip.SerialIn, make([]byte, 64)); err != nil {
		t.Errorf("64 bytes: %v", err)
	}
	if err := d.Packets(usbip.SerialIn, make([]byte, 65)); err == nil {
		t.Error("65 bytes went into a packet of 64")
	}
	if err := d.Packets(usbip.SerialOut, []byte{1}); err == nil {
		t.Error("the device sent on an endpoint of the host")
	}
	d.Discard(usbip.SerialIn)
	if got := d.Pending(usbip.SerialIn); got != 0 {
		t.Errorf("%d packets left", got)
	}
}

func TestWhatTheDeviceDoesNotReceiveIsBounded(t *testing.T) {
	t.Parallel()
	d := usbip.NewACM(usbip.Identity{})
	k := newKernel(t, d.Device)
	half := make([]byte, 1<<19)
	for i, want := range []int32{0, 0, stall, stall} {
		data := half
		if i == 2 {
			data = []byte{1}
		}
		if got := k.receive(k.submit(usbip.SerialOut, 0, [8]byte{}, data)); got.status != want {
			t.Errorf("transfer %d: status %d, want %d", i, got.status, want)
		}
	}
}

func TestRequestsThatCannotBeAnsweredEndTheConnection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *[12]uint32){
		"unknown command":         func(w *[12]uint32) { w[0] = 3 },
		"direction 2":             func(w *[12]uint32) { w[3] = 2 },
		"endpoint 16":             func(w *[12]uint32) { w[4] = 16 },
		"one byte over the limit": func(w *[12]uint32) { w[6] = 1<<20 + 1 },
		"isochronous":             func(w *[12]uint32) { w[8] = 1 },
		"control request against its direction": func(w *[12]uint32) {
			w[4], w[6], w[10] = 0, 8, 0x00090000
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKernel(t, newScanner(usbip.FullSpeed).Device)
			words := [12]uint32{1, 2, 0, 1, 1, 0, 64, 0, 0, 4}
			change(&words)
			k.send(words, nil)
			if err := <-k.served; !errors.Is(err, usbip.ErrProtocol) {
				t.Errorf("Serve: %v, want ErrProtocol", err)
			}
		})
	}
	k := newKernel(t, newScanner(usbip.FullSpeed).Device)
	for range 1024 { // as many as may wait
		k.submit(usbip.HIDIn, 64, [8]byte{}, nil)
	}
	k.silent()
	k.submit(usbip.HIDIn, 64, [8]byte{}, nil)
	if err := <-k.served; !errors.Is(err, usbip.ErrProtocol) {
		t.Errorf("one transfer too many: %v, want ErrProtocol", err)
	}
	k = newKernel(t, newScanner(usbip.FullSpeed).Device)
	k.send([12]uint32{1, 2, 0, 1, 1, 0, 1 << 20, 0, 0, 4}, nil) // the longest
	k.silent()
	k.send([12]uint32{1, 3, 0, 0, 2, 0, 8}, []byte("half"))
	k.conn.Close()
	if err := <-k.served; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut request: %v", err)
	}
}

func TestStorageHasADriveAndNoMedium(t *testing.T) {
	t.Parallel()
	k := newKernel(t, usbip.NewStorage(usbip.Identity{}))
	if got := k.control(0xA1, 0xFE, 0, 0, nil, 1); !bytes.Equal(got.data, []byte{0}) {
		t.Errorf("greatest unit is %x", got.data)
	}
	for _, tt := range []struct {
		command  byte
		wanted   uint32
		data     int
		status   byte
		leftover uint32
	}{
		{0x12, 36, 36, 0, 0},
		{0x12, 255, 36, 0, 219},
		{0x03, 18, 18, 0, 0},
		{0x00, 0, -1, 1, 0},
		{0x25, 8, 0, 1, 8},
	} {
		wrapper := make([]byte, 31)
		copy(wrapper, "USBCtag!")
		binary.LittleEndian.PutUint32(wrapper[8:], tt.wanted)
		wrapper[12], wrapper[14], wrapper[15] = 0x80, 6, tt.command
		k.receive(k.submit(usbip.StorageOut, 0, [8]byte{}, wrapper))
		if tt.data >= 0 {
			if got := k.in(k.submit(usbip.StorageIn, int(tt.wanted), [8]byte{}, nil)); len(got.data) != tt.data {
				t.Errorf("command %#x: %d bytes, want %d", tt.command, len(got.data), tt.data)
			}
		}
		got := k.in(k.submit(usbip.StorageIn, 13, [8]byte{}, nil)).data
		if string(got[:8]) != "USBStag!" || binary.LittleEndian.Uint32(got[8:]) != tt.leftover || got[12] != tt.status {
			t.Errorf("command %#x: status %x", tt.command, got)
		}
	}
}

// FuzzServe gives a device whatever a broken kernel may send.
func FuzzServe(f *testing.F) {
	submit := func(endpoint, direction, length uint32, setup string, data string) []byte {
		var b []byte
		for _, w := range []uint32{1, 7, 0x10001, direction, endpoint, 0, length, 0, 0, 4} {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return append(append(b, (setup + strings.Repeat("\x00", 8))[:8]...), data...)
	}
	unlink := binary.BigEndian.AppendUint32(append([]byte{0, 0, 0, 2, 0, 0, 0, 8}, make([]byte, 12)...), 7)
	unlink = append(unlink, make([]byte, 24)...)
	f.Add(byte(0), submit(0, 1, 18, "\x80\x06\x00\x01\x00\x00\x12\x00", ""))
	f.Add(byte(0), slices.Concat(submit(0, 0, 2, "\x21\x09\xfe\x03\x00\x00\x02\x00", "\xfe\x01"), submit(1, 1, 64, "", ""), unlink))
	f.Add(byte(1), slices.Concat(submit(0, 0, 7, "\x21\x20\x00\x00\x00\x00\x07\x00", "\x80\x25\x00\x00\x00\x00\x08"), submit(2, 0, 4, "", "beep")))
	f.Add(byte(2), slices.Concat(submit(0, 1, 2, "\xc0\x90\x0a\x00\x00\x00\x02\x00", ""), submit(0, 0, 0, "\x40\x03\x1a\x00\x00\x00\x00\x00", "")))
	f.Add(byte(3), submit(2, 0, 31, "", "USBCtag!\x24\x00\x00\x00\x80\x00\x06\x12"+strings.Repeat("\x00", 15)))
	f.Add(byte(5), submit(0, 0, 16, "\x21\x00\x00\x00\x00\x00\x10\x00", "\x04\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x01\x01\x01\x01"))
	f.Add(byte(6), submit(0, 1, 4, "\xa3\x00\x00\x00\x01\x00\x04\x00", ""))
	f.Fuzz(func(t *testing.T, which byte, stream []byte) {
		id := usbip.Identity{Maker: "M", Name: "N"}
		devices := []*usbip.Device{
			newScanner(usbip.FullSpeed).Device, usbip.NewACM(id).Device, usbip.NewFTDI(id).Device, usbip.NewStorage(id),
			usbip.NewECM(id, usbip.MAC{}), usbip.NewRNDIS(id, usbip.MAC{}), usbip.NewHub(id),
		}
		var answers bytes.Buffer
		d := devices[int(which)%len(devices)]
		err := usbip.Serve(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(stream), &answers}, d)
		if err != nil && !errors.Is(err, usbip.ErrProtocol) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Serve: %v", err)
		}
		checkAnswers(t, stream, answers.Bytes())
	})
}

// checkAnswers compares answers with requests: each request has one at most, and each answer is whole.
func checkAnswers(t *testing.T, requests, answers []byte) {
	word := func(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
	fromDevice := map[uint32]bool{}
	for len(requests) >= 48 {
		sequence, n := word(requests, 4), 48
		if _, twice := fromDevice[sequence]; twice {
			return // the answers cannot be told apart
		}
		fromDevice[sequence] = word(requests, 0) == 1 && word(requests, 0xC) == 1
		if word(requests, 0) == 1 && word(requests, 0xC) == 0 {
			n += int(min(word(requests, 0x18), 1<<20))
		}
		requests = requests[min(n, len(requests)):]
	}
	for len(answers) > 0 {
		if len(answers) < 48 {
			t.Fatalf("%d bytes of answers too many", len(answers))
		}
		sequence, n := word(answers, 4), 48
		in, asked := fromDevice[sequence]
		if !asked {
			t.Fatalf("an answer to request %d, which was not asked or was answered before", sequence)
		}
		delete(fromDevice, sequence)
		if in {
			n += int(word(answers, 0x18))
		}
		if n > len(answers) {
			t.Fatalf("answer of %d bytes, %d are there", n, len(answers))
		}
		answers = answers[n:]
	}
}
