// Package credentials is what git's helpers and the daemon say to each other on a socket of their own: one line of JSON
// each way.
package credentials

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// MaximumText bounds what git says of a credential, in bytes, and what it is answered (gitcredentials(7)).
const MaximumText = 16 << 10

// MaximumKey bounds a public key of gpg's, in bytes.
const MaximumKey = 64 << 10

// maximumLine bounds a line: a text in base64, and a few words.
const maximumLine = 2*MaximumKey + 1<<10

// OperationSign asks for the public key of who is to sign, which is the text of the ask, and for a signature to be let
// through as long as the connection is held.
const OperationSign = "sign"

// Ask is what a helper wants.
type Ask struct {
	Operation string `json:"operation"` // get, store, erase or sign
	Text      []byte `json:"text"`      // what git wrote to the helper; of sign, which key is wanted
}

// Answer is what comes of it.
type Answer struct {
	Text    []byte `json:"text,omitempty"`    // for git, or gpg, as it is
	Message string `json:"message,omitempty"` // for a person
}

// Valid reports why nobody is to be bothered with it.
func (ask Ask) Valid() error {
	switch ask.Operation {
	case "get", "store", "erase", OperationSign:
	default:
		return errors.New("not an operation of a helper")
	}
	if len(ask.Text) > MaximumText {
		return errors.New("too long")
	}
	return nil
}

// Write sends a message as a line.
func Write(to io.Writer, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = to.Write(append(text, '\n'))
	return err
}

// Read takes a line, no longer than a message can be.
func Read(from io.Reader, message any) error {
	line, err := bufio.NewReader(io.LimitReader(from, maximumLine)).ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, message)
}
