package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/gateway/issuer"
	"passerelle/gateway/issuer/testkeys"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
)

// certificates are distinct health certificates of one issuer that the standard list admits, as rows of JSON.
func certificates(t testing.TB, now time.Time, n int) (rows [][]byte) {
	t.Helper()
	key, err := testkeys.Get(testkeys.Ministry)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		code, err := issuer.HC1(key, &issuer.Certificate{
			IssuedAt: now.Add(-time.Hour).Unix(), Expires: now.Add(time.Hour).Unix(),
			Name:  issuer.Name{Family: "الإدريسي", Given: "فاطمة الزهراء", FamilyICAO: "EL<IDRISSI", GivenICAO: "FATIMA<ZAHRA"},
			Birth: "1986-03-14", Document: issuer.Document{Type: issuer.NationalCard, Number: "BK123456"},
			Vaccination: &issuer.Vaccination{
				Disease: "840539006", Vaccine: "1119349007", Product: "EU/1/20/1528", Manufacturer: "ORG-100030215", Dose: 2, Doses: 2,
				Date: now.AddDate(0, 0, -20).Format(time.DateOnly), Country: "MA", Authority: "Ministère de la Santé",
				ID: fmt.Sprintf("URN:UVCI:01:MA:BENCH%08d", i),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		row, err := json.Marshal(map[string]string{"payload": code})
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, append(row, '\n'))
	}
	return rows
}

// verifySite is a server with the standard list at the time of its cases. fast may be nil.
func verifySite(t testing.TB, fast *sig.Accelerator, verifiers int) (*site, time.Time) {
	t.Helper()
	now := cases(t, "demo", "standard")["valid-vaccination"].Now
	list := standardList(t)
	return serve(t, func(c *Config) {
		c.Fast, c.Verifiers = fast, verifiers
		c.Snapshot = func() *trust.Snapshot { return list }
		c.Now = func() policy.Now { return policy.At(now.Unix()) }
	}, nil), now
}

// client asks a site over one connection that stays open.
type client struct {
	http     fasthttp.HostClient
	request  *fasthttp.Request
	response *fasthttp.Response
}

func newClient(t testing.TB, st *site, body []byte) *client {
	t.Helper()
	u, err := url.Parse(st.page)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{
		http:    fasthttp.HostClient{Addr: u.Host, MaxConns: 1},
		request: fasthttp.AcquireRequest(), response: fasthttp.AcquireResponse(),
	}
	c.request.SetRequestURI(st.page + "/v1/verify")
	c.request.Header.SetMethod("POST")
	c.request.Header.SetContentType("application/jsonl")
	c.request.SetBodyRaw(body)
	return c
}

// ask sends the batch and counts the rows that were admitted.
func (c *client) ask() (admitted int, err error) {
	if err := c.http.Do(c.request, c.response); err != nil {
		return 0, err
	}
	if c.response.StatusCode() != fasthttp.StatusOK {
		return 0, fmt.Errorf("got %d %.200s", c.response.StatusCode(), c.response.Body())
	}
	return bytes.Count(c.response.Body(), []byte(`"verdict":"admit"`)), nil
}

// BenchmarkVerifyThroughput is POST /v1/verify over loopback, for batches of distinct certificates of one issuer: one connection
// a core, each with one request at a time. Client and server share the machine; both are in the allocations.
func BenchmarkVerifyThroughput(b *testing.B) {
	for _, way := range []string{"fast", "std"} {
		for _, rows := range []int{1, 16, 64, 256} {
			b.Run(fmt.Sprintf("p256=%s/batch=%d", way, rows), func(b *testing.B) {
				var fast *sig.Accelerator
				if way == "fast" {
					fast = sig.NewAccelerator(sig.AcceleratorOptions{Memory: 64 << 20})
				}
				benchThroughput(b, fast, rows)
			})
		}
	}
}

func benchThroughput(b *testing.B, fast *sig.Accelerator, rows int) {
	st, now := verifySite(b, fast, runtime.GOMAXPROCS(0))
	body := bytes.Join(certificates(b, now, rows), nil)
	warm := newClient(b, st, body)
	for range 100 { // until the tables that are asked for are there
		if n, err := warm.ask(); err != nil || n != rows {
			b.Fatalf("%d of %d admitted, %v", n, rows, err)
		}
		if fast != nil {
			fast.Settle()
		}
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for c := newClient(b, st, body); pb.Next(); {
			if n, err := c.ask(); err != nil || n != rows {
				b.Errorf("%d of %d admitted, %v", n, rows, err)
				return
			}
		}
	})
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "payloads/s")
}
