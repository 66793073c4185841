package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"
)

type digest struct {
	SHA256           string
	Size             int64
	Problem, Message string
}

func (client *bridged) digest(t *testing.T, path string, length uint64) digest {
	t.Helper()
	extra := ssh.Marshal(struct {
		Path   string
		Length uint64
	}{path, length})
	channel, requests, err := client.OpenChannel("digest@berth.dev", extra)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	text, err := io.ReadAll(channel)
	var told digest
	if err != nil || json.Unmarshal(text, &told) != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return told
}

func TestDigest(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	path := filepath.Join(w.base, "name that is no text \xff")
	content := make([]byte, 3_000_001)
	content[2_000_000] = 7
	os.WriteFile(path, content, 0o600)
	for _, length := range []uint64{0, 1, 2_000_001, 3_000_001, 1 << 63, ^uint64(0)} {
		size := int(min(length, uint64(len(content))))
		sum := sha256.Sum256(content[:size])
		if told := client.digest(t, path, length); told.SHA256 != hex.EncodeToString(sum[:]) || told.Size != int64(size) {
			t.Fatal(length, told)
		}
	}
	pipe := filepath.Join(w.base, "pipe")
	syscall.Mkfifo(pipe, 0o600)
	for path, want := range map[string]string{filepath.Join(w.base, "none"): "not-found", w.base: "failed", pipe: "failed"} {
		if told := client.digest(t, path, 1); told.Problem != want || told.SHA256 != "" {
			t.Fatal(path, told)
		}
	}
	if _, _, err := client.OpenChannel("digest@berth.dev", []byte("no")); err == nil {
		t.Fatal("what is malformed is answered")
	}
}
