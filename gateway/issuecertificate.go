package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"passerelle/gateway/issuer"
)

// dcc is a certificate in JSON: the EU's schema, and Morocco's document.
type dcc struct {
	Issuer string `json:"iss"`
	Ver    string `json:"ver"`
	Name   struct {
		Family     string `json:"fn"`
		FamilyICAO string `json:"fnt"`
		Given      string `json:"gn"`
		GivenICAO  string `json:"gnt"`
	} `json:"nam"`
	Birth    string `json:"dob"`
	Document struct {
		Type   string `json:"t"`
		Number string `json:"n"`
	} `json:"id"`
	Vaccinations []dccVaccination `json:"v"`
	Tests        []dccTest        `json:"t"`
	Recoveries   []dccRecovery    `json:"r"`
}

type dccVaccination struct {
	Disease      string `json:"tg"`
	Vaccine      string `json:"vp"`
	Product      string `json:"mp"`
	Manufacturer string `json:"ma"`
	Dose         int    `json:"dn"`
	Doses        int    `json:"sd"`
	Date         string `json:"dt"`
	Country      string `json:"co"`
	Authority    string `json:"is"`
	ID           string `json:"ci"`
}

type dccTest struct {
	Disease   string `json:"tg"`
	Method    string `json:"tt"`
	Name      string `json:"nm"`
	Device    string `json:"ma"`
	Collected string `json:"sc"`
	Result    string `json:"tr"`
	Centre    string `json:"tc"`
	Country   string `json:"co"`
	Authority string `json:"is"`
	ID        string `json:"ci"`
}

type dccRecovery struct {
	Disease   string `json:"tg"`
	Positive  string `json:"fr"`
	Country   string `json:"co"`
	Authority string `json:"is"`
	From      string `json:"df"`
	Until     string `json:"du"`
	ID        string `json:"ci"`
}

// parseCertificate reads a certificate's JSON strictly.
func parseCertificate(text []byte) (*issuer.Certificate, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var in dcc
	if err := d.Decode(&in); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if d.More() {
		return nil, errors.New("certificate: more than one JSON value")
	}
	if len(in.Vaccinations)+len(in.Tests)+len(in.Recoveries) != 1 {
		return nil, errors.New("certificate: want exactly one entry in v, t or r")
	}
	cert := &issuer.Certificate{
		Issuer: in.Issuer, Birth: in.Birth, Document: issuer.Document(in.Document),
		Name: issuer.Name{
			Family: in.Name.Family, Given: in.Name.Given, FamilyICAO: in.Name.FamilyICAO, GivenICAO: in.Name.GivenICAO,
		},
	}
	switch {
	case len(in.Vaccinations) == 1:
		v := issuer.Vaccination(in.Vaccinations[0])
		cert.Vaccination = &v
	case len(in.Tests) == 1:
		t := issuer.Test(in.Tests[0])
		cert.Test = &t
	default:
		r := issuer.Recovery(in.Recoveries[0])
		cert.Recovery = &r
	}
	return cert, nil
}
