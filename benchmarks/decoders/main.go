// Decoders compares libraries that read codes in pictures: how many of the public pictures each reads, in what time, and with
// how much garbage.
//
//	go run ./decoders [-dump FOLDER]
//	go run -tags zbar,zxing ./decoders      with libzbar-dev and libzxing-dev installed
//
// Every decoder is given the same brightness, a byte a pixel, and the payload that it gives is compared with the one that is known.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"passerelle/benchmarks/workload"
)

func main() {
	dump := flag.String("dump", "", "folder to write the pictures to as bytes, with index.json, for decoders that Go cannot call")
	flag.Parse()
	if err := run(os.Stdout, *dump); err != nil {
		fmt.Fprintln(os.Stderr, "decoders: error:", err)
		os.Exit(1)
	}
}

// decoders are those of this build.
func decoders() []decoder { return append(append(gozxings(), zbar()...), zxing()...) }

func run(w io.Writer, dump string) error {
	folder, err := workload.Corpora()
	if err != nil {
		return err
	}
	sets, err := pictures(folder)
	if err != nil {
		return err
	}
	if dump != "" {
		return write(dump, sets)
	}
	fmt.Fprintf(w, "%-28s %-12s %9s %6s %9s %9s %9s\n", "decoder", "pictures", "read", "wrong", "mean ms", "worst ms", "KB each")
	for _, d := range decoders() {
		for _, s := range sets {
			r := measure(d, s)
			fmt.Fprintf(w, "%-28s %-12s %4d of %3d %4d %9.1f %9.1f %9.0f\n", d.name, s.name, r.read, len(s.pictures), r.wrong,
				r.mean.Seconds()*1000, r.worst.Seconds()*1000, r.garbage/1024)
		}
	}
	return nil
}

// result is what one decoder did with one set.
type result struct {
	read, wrong int
	mean, worst time.Duration // wall time a picture
	garbage     float64       // bytes of Go memory a picture; what C and C++ libraries use is not in it
}

var errNothing = errors.New("nothing found")

func measure(d decoder, s set) result {
	var r result
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, p := range s.pictures {
		start := time.Now()
		payload, err := d.read(p.gray)
		took := time.Since(start)
		r.mean += took / time.Duration(len(s.pictures))
		r.worst = max(r.worst, took)
		switch {
		case err != nil:
		case string(payload) == p.payload:
			r.read++
		default:
			r.wrong++
		}
	}
	runtime.ReadMemStats(&after)
	r.garbage = float64(after.TotalAlloc-before.TotalAlloc) / float64(len(s.pictures))
	return r
}
