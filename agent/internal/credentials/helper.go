package credentials

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"berth.dev/agent/internal/place"
)

const (
	dialTime = 5 * time.Second
	// answerTime is longer than the daemon waits for an answer.
	answerTime = 6 * time.Minute
)

// Help is a credential helper (gitcredentials(7), "Custom Helpers"): it hands what git wants to the daemon, which asks
// whoever is connected. Where there is no answer it says why, and git goes on to its next helper, or asks.
func Help(arguments []string, input io.Reader, output, complaints io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("usage: git-credential get|store|erase")
	}
	ask := Ask{Operation: arguments[0]}
	switch ask.Operation {
	case "get", "store", "erase":
	default:
		return nil // What is not known is to be ignored, says git.
	}
	var err error
	if ask.Text, err = io.ReadAll(io.LimitReader(input, MaximumText+1)); err != nil {
		return err
	}
	if err := ask.Valid(); err != nil {
		return err
	}
	answer, connection, err := put(ask)
	if err == nil {
		connection.Close()
	} else {
		if ask.Operation != "get" {
			return nil
		}
		answer = Answer{Message: fmt.Sprintf("no credentials: %v", err)}
	}
	if answer.Message != "" {
		fmt.Fprintf(complaints, "berth: %s\n", Printable(answer.Message))
	}
	_, err = output.Write(answer.Text)
	return err
}

// put asks the daemon. The connection on which it answered is to be closed.
func put(ask Ask) (Answer, net.Conn, error) {
	var answer Answer
	connection, err := dial()
	if err != nil {
		return answer, nil, err
	}
	connection.SetDeadline(time.Now().Add(answerTime))
	if err = Write(connection, ask); err == nil {
		err = Read(connection, &answer)
	}
	if err != nil {
		connection.Close()
		return answer, nil, errors.New("the helper of this workspace does not answer")
	}
	connection.SetDeadline(time.Time{})
	return answer, connection, nil
}

func dial() (net.Conn, error) {
	for _, where := range places() {
		if where.Trustworthy() != nil {
			continue
		}
		if connection, err := net.DialTimeout("unix", where.GitSocket(), dialTime); err == nil {
			return connection, nil
		}
	}
	return nil, errors.New("the helper of this workspace does not run")
}

// places are where the daemon may be: the folder of the link by which this was called, before those of the environment.
func places() []place.Place {
	list := place.Candidates()
	switch called := os.Args[0]; {
	case !filepath.IsAbs(called):
	case filepath.Base(called) == place.GitHelperName, filepath.Base(called) == place.GpgHelperName:
		list = append([]place.Place{{Folder: filepath.Dir(called)}}, list...)
	}
	return list
}

// Printable takes out what could steer a terminal.
func Printable(text string) string {
	return strings.Map(func(letter rune) rune {
		if letter < ' ' || letter >= 0x7f && letter < 0xa0 {
			return -1
		}
		return letter
	}, text)
}
