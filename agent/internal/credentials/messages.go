// Package credentials is what git's credential helper and the daemon say to each other on a socket of their own: one line
// of JSON each way.
package credentials

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// MaximumText bounds what git says of a credential, in bytes, and what it is answered (gitcredentials(7)).
const MaximumText = 16 << 10

// maximumLine bounds a line: a text in base64, and a few words.
const maximumLine = 2*MaximumText + 1<<10

// Ask is what a helper wants.
type Ask struct {
	Operation string `json:"operation"` // get, store or erase
	Text      []byte `json:"text"`      // what git wrote to the helper
}

// Answer is what comes of it.
type Answer struct {
	Text    []byte `json:"text,omitempty"`    // for git, as it is
	Message string `json:"message,omitempty"` // for a person
}

// Valid reports why nobody is to be bothered with it.
func (ask Ask) Valid() error {
	switch ask.Operation {
	case "get", "store", "erase":
	default:
		return errors.New("not an operation of a credential helper")
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
