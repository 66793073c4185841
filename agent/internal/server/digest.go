package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"golang.org/x/crypto/ssh"
)

// digestMessage is the extra data of digest@berth.dev. A path may be any bytes, so this is no JSON.
type digestMessage struct {
	Path   string
	Length uint64
}

type digestAnswer struct {
	SHA256  string `json:"sha256,omitempty"`
	Size    int64  `json:"size"`
	Problem string `json:"problem,omitempty"`
	Message string `json:"message,omitempty"`
}

// serveDigest answers digest@berth.dev: the SHA-256 of the first bytes of a file.
func (client *connection) serveDigest(opening ssh.NewChannel) {
	var asked digestMessage
	if ssh.Unmarshal(opening.ExtraData(), &asked) != nil {
		opening.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	channel, over, err := accept(opening)
	if err != nil {
		return
	}
	defer channel.Close()
	go io.Copy(io.Discard, channel)
	text, _ := json.Marshal(digestOf(asked, over))
	channel.Write(append(text, '\n'))
}

func digestOf(asked digestMessage, over <-chan struct{}) digestAnswer {
	// Opening a pipe would wait for its other end.
	file, err := os.OpenFile(asked.Path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return digestProblem(err)
	}
	defer file.Close()
	if facts, err := file.Stat(); err != nil || !facts.Mode().IsRegular() {
		return digestAnswer{Problem: "failed", Message: "not a regular file"}
	}
	hash := sha256.New()
	source := io.LimitReader(untilOver{file, over}, int64(min(asked.Length, math.MaxInt64)))
	size, err := io.Copy(hash, source)
	if err != nil {
		return digestProblem(err)
	}
	return digestAnswer{SHA256: hex.EncodeToString(hash.Sum(nil)), Size: size}
}

func digestProblem(err error) digestAnswer {
	answer := digestAnswer{Problem: "failed", Message: err.Error()}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		answer.Problem = "not-found"
	case errors.Is(err, fs.ErrPermission):
		answer.Problem = "not-permitted"
	}
	return answer
}

// untilOver reads no further once nobody waits for what is read.
type untilOver struct {
	io.Reader
	over <-chan struct{}
}

func (reader untilOver) Read(buffer []byte) (int, error) {
	select {
	case <-reader.over:
		return 0, io.ErrClosedPipe
	default:
		return reader.Reader.Read(buffer)
	}
}
