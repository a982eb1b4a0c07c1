package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"image/png"

	"github.com/valyala/fasthttp"

	"passerelle/drivers/camera"
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

// invite asks the gate that runs with this configuration for a pairing code.
func (c *config) invite(lane, role string) (*invitation, error) {
	body, err := json.Marshal(struct {
		Lane string `json:"lane"`
		Role string `json:"role"`
	}{lane, role})
	if err != nil {
		return nil, err
	}
	status, answer, err := c.askGate(fasthttp.MethodPost, "/v1/pairings", body)
	if err != nil {
		return nil, err
	}
	return readInvitation(status, answer)
}

func readInvitation(status int, answer []byte) (*invitation, error) {
	if status != fasthttp.StatusCreated {
		return nil, fmt.Errorf("the gate gave no code: %s", problemIn(status, answer))
	}
	invited := new(invitation)
	if err := json.Unmarshal(answer, invited); err != nil || invited.Address == "" {
		return nil, errors.New("the gate's answer is none of this version")
	}
	return invited, nil
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
