package source

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"passerelle/gateway/trust"
	"passerelle/gateway/trust/bundle"
)

// pretixEvent is what pretix's REST API says of an event, as far as it concerns keys. Each key is base64 of PEM.
type pretixEvent struct {
	Slug      string `json:"slug"`
	ValidKeys struct {
		Sig1 []string `json:"pretix_sig1"`
	} `json:"valid_keys"`
}

// readPretix takes an event's keys. Nothing in the file says which country stands behind them, nor how long they are good: that
// comes from the options.
func (c *collector) readPretix(in Input) error {
	var event pretixEvent
	if err := json.Unmarshal(in.Data, &event); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	o := &c.options
	if o.Country == "" || o.NotAfter == 0 {
		return errors.New("an event's keys need country and validity to be given")
	}
	scope := cmp.Or(o.Scope, event.Slug)
	if !trust.ValidScope(scope) {
		return fmt.Errorf("event %.32q: not a name that a scope may have", scope)
	}
	if event.ValidKeys.Sig1 == nil {
		return errors.New("event: no valid_keys.pretix_sig1")
	}
	for i, encoded := range event.ValidKeys.Sig1 {
		c.readPretixKey(fmt.Sprintf("%s, event %s, key %d", in.Name, event.Slug, i+1), encoded, scope)
	}
	return nil
}

func (c *collector) readPretixKey(name, encoded, scope string) {
	c.report.Read++
	if len(encoded) > MaxCertificate {
		c.skip(name, fmt.Sprintf("%d bytes, at most %d", len(encoded), MaxCertificate))
		return
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		c.skip(name, err.Error())
		return
	}
	block, _ := pem.Decode(raw)
	if block == nil || block.Type != "PUBLIC KEY" {
		c.skip(name, "no PEM block PUBLIC KEY")
		return
	}
	key, err := parsePublicKey(block.Bytes)
	if err != nil {
		c.skip(name, err.Error())
		return
	}
	o := &c.options
	c.take(name, bundle.Entry{Key: trust.Key{
		ID: keyID(key), Country: o.Country, Issuer: text(cmp.Or(o.Issuer, scope)), Public: key, Usages: trust.PretixUsage, Scope: scope,
		NotBefore: o.NotBefore, NotAfter: o.NotAfter,
	}})
}
