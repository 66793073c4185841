package test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func (client *bridged) upgrade(t *testing.T, path string) bool {
	t.Helper()
	accepted, _, err := client.SendRequest("upgrade@berth.dev", true, ssh.Marshal(struct{ Text string }{path}))
	// The program makes place a moment after it has answered: where the machine is busy the answer is lost with it.
	isLost := errors.Is(err, io.EOF)
	if err != nil && !isLost {
		t.Fatal(err)
	}
	return accepted || isLost
}

// copyProgram makes another program of the same, a little longer, so that its digest differs.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, append(data, "more"...), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	before := w.status(client)
	shell := client.attach(t, shellOptions("shell", "/bin/sh"))
	shell.send("X=kept; echo is-$X\r")
	shell.expect("is-kept")
	client.attach(t, shellOptions("ended", "/bin/sh", "-c", "echo done; exit 9")).ended()
	dying := filepath.Join(w.base, "dying")
	dies := client.attach(t, shellOptions("dies", "/bin/sh", "-c", "until [ -e "+dying+" ]; do sleep 0.1; done; exit 4"))
	time.Sleep(100 * time.Millisecond)
	position := shell.position()
	if answer := client.checkpoint(t, "shell", shell.header.Epoch, position, []byte("picture")); answer != "{\"ok\":true}\n" {
		t.Fatal(answer)
	}
	_, leaves := client.started(t, "echo $$; exec sleep 60")

	newer := filepath.Join(w.base, "newer")
	copyProgram(t, newer)
	began := time.Now()
	if !client.upgrade(t, newer) {
		t.Fatal("refused")
	}
	client.Wait()
	again := w.connect()
	t.Logf("upgraded and connected in %s", time.Since(began))
	after := w.status(again)
	if after.PID != before.PID || after.Digest == before.Digest || after.Terminals != 2 {
		t.Fatal(before, after)
	}
	if err := os.WriteFile(dying, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	within(t, patience, "the end of the session's process", func() bool { return !alive(leaves) })
	late := again.attach(t, terminalOptions{ID: "shell", Role: "write"})
	if string(late.snapshot) != "picture" || late.header.Epoch != shell.header.Epoch || late.header.Start != position {
		t.Fatal(late.header)
	}
	late.send("echo still-$X; exit 6\r")
	late.expect("still-kept")
	late.ended()
	if late.code != 6 {
		t.Fatal(late.code)
	}
	ended := again.attach(t, terminalOptions{ID: "ended", Role: "watch"})
	ended.ended()
	if ended.code != 9 || ended.text() != "done\r\n" {
		t.Fatal(ended.code, ended.text())
	}
	died := again.attach(t, terminalOptions{ID: "dies", Role: "watch"})
	died.ended()
	if died.code != 4 || died.header.Epoch != dies.header.Epoch {
		t.Fatal(died.code)
	}
}

func TestUpgradeWhileOutputFlows(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, shellOptions("one", "/bin/sh", "-c", "stty -opost; seq -f %09.0f 1 300000; exit 2"))
	first.expect("000001000\n")
	for range 3 {
		if !client.upgrade(t, program) {
			t.Fatal("refused")
		}
		client.Wait()
		client = w.connect()
	}
	late := client.attach(t, terminalOptions{ID: "one", Role: "watch", From: &from{first.header.Epoch, 0}})
	late.ended()
	text := late.text()
	if late.code != 2 || len(text) != 3000000 {
		t.Fatal(late.code, len(text))
	}
	for number := range 300000 {
		if line := text[number*10 : number*10+10]; line != fmt.Sprintf("%09d\n", number+1) {
			t.Fatalf("%q at %d", line, number)
		}
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	writable := filepath.Join(w.base, "writable")
	copyProgram(t, writable)
	os.Chmod(writable, 0o777)
	text := filepath.Join(w.base, "text")
	os.WriteFile(text, []byte("#!/bin/sh\necho nothing\n"), 0o755)
	for _, path := range []string{"", "berth-agent", "/no/such", w.base, "/dev/null", writable, text, "/bin/true"} {
		if client.upgrade(t, path) {
			t.Fatal(path)
		}
	}
	// Says a revision, but cannot be run a second time: the daemon goes on with its connections.
	liar := filepath.Join(w.base, "liar")
	os.WriteFile(liar, []byte("#!/bin/sh\necho '{\"revision\":2}'\n"), 0o755)
	client.upgrade(t, liar)
	time.Sleep(200 * time.Millisecond)
	if _, output, _, _ := client.run(t, command{Command: []string{"echo", "on"}}); !strings.HasPrefix(output, "on") {
		t.Fatal(output)
	}
}
