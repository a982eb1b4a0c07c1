package main

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"passerelle/gateway/credential/claim169"
	"passerelle/gateway/encoding/base45"
	"passerelle/gateway/encoding/cose"
	"passerelle/gateway/encoding/inflate"
	"passerelle/gateway/policy"
	"passerelle/gateway/sig"
	"passerelle/gateway/trust"
	"passerelle/gateway/verify"
)

// claim169Vector is one identity code with what upstream reads in it.
type claim169Vector struct {
	QR   string `json:"qr_data"`
	Fail string `json:"expected_error"`
	Key  *struct {
		Algorithm string
		Public    string `json:"public_key_hex"`
	} `json:"signing_key"`
	Person map[string]any `json:"expected_claim169"`
	Meta   map[string]any `json:"expected_cwt_meta"`
}

// claim169Cases reads identity codes. What upstream reads must be read, but for pictures and fingers, of which nothing may be kept;
// what upstream refuses must fail in the same layer. Most have a signature of no bytes, which upstream reads without checking: no
// key may accept that.
func claim169Cases(dir string, check func(name string, err error)) error {
	files, err := filepath.Glob(filepath.Join(dir, "test-vectors", "*", "*.json"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("no vectors"))
	}
	for _, path := range files {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var v claim169Vector
		if err := json.Unmarshal(file, &v); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name, err := filepath.Rel(filepath.Join(dir, "test-vectors"), path)
		if err != nil {
			return err
		}
		check(filepath.ToSlash(name), errors.Join(v.run(), v.judged()))
	}
	return nil
}

// claim169MaxInflated is as much as a code may inflate to here, in bytes.
const claim169MaxInflated = 16 << 10

func (v *claim169Vector) run() error {
	packed, err := base45.AppendDecode(nil, []byte(v.QR))
	if err != nil || v.Fail == "Base45Decode" {
		return claim169Layer("Base45Decode", v.Fail, err)
	}
	var d inflate.Decoder
	buf, err := d.AppendZlib(make([]byte, cose.Headroom), packed, claim169MaxInflated)
	if err != nil {
		return claim169Layer("Decompress", v.Fail, err)
	}
	m := new(cose.Message)
	if err := m.Parse(buf, cose.Headroom); err != nil || v.Fail == "CoseParse" {
		return claim169Layer("CoseParse", v.Fail, err)
	}
	if v.Fail != "" {
		return fmt.Errorf("it was read, want the error %s", v.Fail)
	}
	if err := v.signature(m); err != nil {
		return err
	}
	var p claim169.Person
	if err := p.Parse(m.Payload); err != nil {
		return err
	}
	return errors.Join(claim169Differ(v.Person, claim169Attributes(&p)), claim169Differ(v.Meta, map[string]string{
		"issuer": string(p.Issuer), "subject": string(p.Subject), "expiresAt": claim169Number(p.Expires), "issuedAt": claim169Number(p.IssuedAt),
		"notBefore": claim169Number(p.NotBefore),
	}))
}

// judged has the program's own verifier judge the code at the moment when it was issued, where the key is known as that of the issuer whom
// the code names: it is admitted if it is signed by its vector's key, and by no other key.
func (v *claim169Vector) judged() error {
	public, err := v.key()
	if err != nil {
		return err
	}
	issuer, _ := v.Meta["issuer"].(string)
	issued, _ := v.Meta["issuedAt"].(float64)
	now := int64(issued)
	key := trust.Key{
		Country: "XA", Public: public, Usages: trust.Claim169Usage, Scope: issuer, Algorithms: public.Algorithms(), NotBefore: now, NotAfter: now,
	}
	list, err := trust.New(trust.List{
		Version: 1, Issued: now, Expires: now, Keys: []trust.Key{key}, Acceptance: []trust.Acceptance{{Country: "*", Usages: trust.Claim169Usage}},
	})
	if err != nil {
		return err
	}
	profile := policy.Profile{Accept: policy.Kinds(policy.Claim169)}
	c := verify.New(&profile, nil).Verify(nil, []verify.Scan{{Data: []byte(v.QR)}}, list, policy.At(now))[0]
	good := v.Key != nil && v.Fail == "" && issuer != ""
	if (c.Outcome() == policy.Admit) != good || !good && c.State(policy.Signature) == policy.Passed {
		return fmt.Errorf("the verdict is %v %v, want admitted: %v", c.Outcome(), c.Reason(), good)
	}
	return nil
}

// claim169Layer compares the layer that failed with the one that upstream says.
func claim169Layer(layer, want string, err error) error {
	if layer != want || err == nil {
		return fmt.Errorf("%s: %v, want the error %q", layer, err, want)
	}
	return nil
}

// claim169OtherKey is RFC 8032's first key (section 7.1, test 1), tried where a vector names none.
const claim169OtherKey = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

// key returns the vector's key, or another one if it has none.
func (v *claim169Vector) key() (sig.Key, error) {
	name := claim169OtherKey
	if v.Key != nil {
		name = v.Key.Public
	}
	public, err := hex.DecodeString(name)
	if err != nil {
		return sig.Key{}, err
	}
	return sig.New(ed25519.PublicKey(public))
}

// signature checks that the signature is good by the vector's key, or by no key if it has none.
func (v *claim169Vector) signature(m *cose.Message) error {
	key, err := v.key()
	if err != nil {
		return err
	}
	if v.Key == nil && len(m.Signature) != 0 {
		return fmt.Errorf("a signature of %d bytes without a key", len(m.Signature))
	}
	if got, want := coseVerify(&key, m, m.ToBeSigned()), v.Key != nil; got != want {
		return fmt.Errorf("the signature verifies: %v, want %v", got, want)
	}
	return nil
}

// claim169Attributes returns what was read under upstream's names. "" stands for what is absent.
func claim169Attributes(p *claim169.Person) map[string]string {
	return map[string]string{
		"id": string(p.ID), "version": string(p.Version), "language": string(p.Language), "fullName": string(p.FullName),
		"firstName": string(p.FirstName), "middleName": string(p.MiddleName), "lastName": string(p.LastName), "dateOfBirth": string(p.Birth),
		"gender": claim169Number(int64(p.Gender)), "address": string(p.Address), "email": string(p.Email), "phone": string(p.Phone),
		"nationality": string(p.Nationality), "maritalStatus": claim169Number(int64(p.MaritalStatus)), "guardian": string(p.Guardian),
		"secondaryFullName": string(p.SecondName), "secondaryLanguage": string(p.SecondLanguage), "locationCode": string(p.Location),
		"legalStatus": string(p.LegalStatus), "countryOfIssuance": string(p.IssuedIn),
	}
}

func claim169Number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// claim169Dropped are attributes of the vectors that are never kept.
var claim169Dropped = map[string]bool{"photoFormat": true, "bestQualityFingers": true, "face": true}

// claim169Differ compares both ways: nothing may be missing, and nothing may be there that upstream does not read.
func claim169Differ(want map[string]any, got map[string]string) error {
	var errs []error
	for name, value := range want {
		text, ok := value.(string)
		if number, isNumber := value.(float64); isNumber {
			text, ok = claim169Number(int64(number)), true
		}
		if claim169Dropped[name] {
			continue
		}
		if read, known := got[name]; !ok || !known || read != text {
			errs = append(errs, fmt.Errorf("%s: got %q, want %v", name, read, value))
		}
	}
	for name, read := range got {
		if want[name] == nil && read != "" {
			errs = append(errs, fmt.Errorf("%s: got %q, want nothing", name, read))
		}
	}
	return errors.Join(errs...)
}
