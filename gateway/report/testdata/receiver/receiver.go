// A receiver of Passerelle's reports, to start from. It needs the standard library alone.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("PASSERELLE_SECRET"), "whsec_"))
	if err != nil || len(key) == 0 {
		log.Fatal("set PASSERELLE_SECRET to the box's whsec_… secret")
	}
	var mu sync.Mutex
	seen := map[string]bool{} // in earnest a table with this key, committed before the answer
	http.HandleFunc("POST /v1/reports", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		at, _ := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("Webhook-Id"), at, body)
		want, signed := "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), false
		for one := range strings.FieldsSeq(r.Header.Get("Webhook-Signature")) {
			signed = signed || hmac.Equal([]byte(one), []byte(want))
		}
		if err != nil || !signed || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
			w.WriteHeader(http.StatusUnauthorized) // sent again; 4xx such as 400 would park the entries
			return
		}
		var batch struct {
			Journal string
			Entries []struct {
				Sequence uint64
				Entry    json.RawMessage
			}
		}
		if json.Unmarshal(body, &batch) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range batch.Entries {
			if id := fmt.Sprint(batch.Journal, "/", e.Sequence); !seen[id] { // the same entry may come twice
				seen[id] = true
				fmt.Println(string(e.Entry))
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
