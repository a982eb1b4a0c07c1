package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"net"
	"path/filepath"
	"time"

	"github.com/valyala/fasthttp"

	"passerelle/drivers/camera"
	"passerelle/gateway/web"
)

type peoplePairCmd struct {
	peopleFlags
	Lane string `help:"The lane that the tablet will show." required:"" placeholder:"LANE"`
	Role string `help:"steward, retail or airline." default:"steward" placeholder:"ROLE"`
}

// Run asks the gate for a code and draws it.
func (c *peoplePairCmd) Run(std streams) error {
	config, err := loadConfig(c.Config)
	if err != nil {
		return misuse{err}
	}
	invited, err := config.invite(c.Lane, c.Role)
	if err != nil {
		return err
	}
	picture, err := drawQR(invited.Address)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s%s\nread it with the tablet until %s; it works once\n", picture, printable(invited.Address), printable(invited.Expires))
	return err
}

// invitation is the gate's answer to POST /v1/pairings.
type invitation struct {
	Address string `json:"address"`
	Expires string `json:"expires"`
}

const (
	gatePatience = 10 * time.Second
	maxAnswer    = 64 << 10 // bytes
)

// invite asks the gate that runs with this configuration for a pairing code.
func (c *config) invite(lane, role string) (*invitation, error) {
	body, err := json.Marshal(struct {
		Lane string `json:"lane"`
		Role string `json:"role"`
	}{lane, role})
	if err != nil {
		return nil, err
	}
	server, err := c.Web.server()
	if err != nil {
		return nil, misuse{err}
	}
	client := &fasthttp.Client{
		ReadTimeout: gatePatience, WriteTimeout: gatePatience, MaxResponseBodySize: maxAnswer, MaxIdemponentCallAttempts: 1,
	}
	address, scheme := c.Web.nearby(), "http://"
	if c.Web.TLS != tlsOff {
		scheme = "https://"
		if client.TLSConfig, err = c.pinned(); err != nil {
			return nil, err
		}
	}
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetRequestURI(scheme + address + "/v1/pairings")
	request.UseHostHeader = true
	request.Header.SetHost("localhost")
	request.Header.SetContentType("application/json")
	if server.Token != "" {
		request.Header.Set("Authorization", "Bearer "+server.Token)
	}
	request.SetBody(body)
	if err := client.DoTimeout(request, answer, gatePatience); err != nil {
		return nil, withHint(fmt.Errorf("ask the gate at %s: %w", address, err), "it must be running with this configuration")
	}
	return readInvitation(answer)
}

func readInvitation(answer *fasthttp.Response) (*invitation, error) {
	if answer.StatusCode() != fasthttp.StatusCreated {
		var problem struct {
			Detail string `json:"detail"`
		}
		if err := json.Unmarshal(answer.Body(), &problem); err != nil || problem.Detail == "" {
			problem.Detail = fmt.Sprintf("status %d", answer.StatusCode())
		}
		return nil, fmt.Errorf("the gate gave no code: %s", problem.Detail)
	}
	invited := new(invitation)
	if err := json.Unmarshal(answer.Body(), invited); err != nil || invited.Address == "" {
		return nil, errors.New("the gate's answer is none of this version")
	}
	return invited, nil
}

// nearby returns where a program on this machine finds the page.
func (w *webConfig) nearby() string {
	host, port, err := net.SplitHostPort(w.Listen)
	if err != nil {
		return w.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// pinned speaks TLS with whoever shows exactly the certificate of the configuration: its file says more than any authority.
func (c *config) pinned() (*tls.Config, error) {
	path := c.Web.CertFile
	if c.Web.TLS == tlsSelf {
		path = filepath.Join(c.State, webFolder, web.OwnCertFile)
	}
	want, err := web.ReadCert(path)
	if err != nil {
		return nil, withHint(err, "the gate makes it when it starts for the first time")
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		InsecureSkipVerify: true, // VerifyConnection is stricter
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, want.Raw) {
				return errors.New("another program answers there: its certificate is not the gate's")
			}
			return nil
		},
	}, nil
}

// quietModules is the white border that camera.WriteQR draws (ISO/IEC 18004, section 5.3.8).
const quietModules = 4

// pairingModules draws a text as rows of modules, "1" for a dark one, without a quiet zone.
func pairingModules(text string) ([]string, error) {
	var file bytes.Buffer
	if err := camera.WriteQR(&file, text, camera.QROptions{Level: 'M', Module: 1}); err != nil {
		return nil, fmt.Errorf("draw a pairing code: %w", err)
	}
	picture, err := png.Decode(&file)
	if err != nil {
		return nil, fmt.Errorf("draw a pairing code: %w", err)
	}
	size := picture.Bounds().Dx() - 2*quietModules
	rows := make([]string, size)
	for y := range rows {
		row := make([]byte, size)
		for x := range row {
			row[x] = '0'
			if color.GrayModel.Convert(picture.At(x+quietModules, y+quietModules)).(color.Gray).Y < 128 {
				row[x] = '1'
			}
		}
		rows[y] = string(row)
	}
	return rows, nil
}
