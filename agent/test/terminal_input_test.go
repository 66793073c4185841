package test

import (
	"strings"
	"testing"
)

// typing is a program that shows each byte that it is typed, and no other.
func typing(id string) terminalOptions {
	options := shellOptions(id, "/bin/sh", "-c", "stty raw -echo; echo ready; exec cat")
	options.Writer = "one"
	return options
}

func (a *attached) typed() int64 {
	a.Helper()
	if a.header.Typed == nil {
		a.Fatal("it does not say what was typed")
	}
	return *a.header.Typed
}

func TestInputIsTypedOnce(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, typing("t"))
	first.expect("ready")
	first.send("abc")
	first.expect("abc")

	other := w.connect().attach(t, terminalOptions{ID: "t", Role: "write", Writer: "two"})
	other.send("XY")
	first.expect("XY")
	if first.typed() != 0 || other.typed() != 0 {
		t.Fatal(first.typed(), other.typed())
	}

	again := w.connect().attach(t, typing("t"))
	if again.typed() != 3 {
		t.Fatal(again.typed())
	}
	// What the connection before still brings was sent again: its attachment is over.
	first.ended()
	first.send("lost")
	again.send("de")
	again.expect("XYde")
	other.send("Z")
	other.expect("deZ")
	if strings.Contains(other.text(), "lost") {
		t.Fatal(other.text())
	}
	if late := client.attach(t, terminalOptions{ID: "t", Role: "watch", Writer: "one"}); late.header.Typed != nil {
		t.Fatal("a watcher types")
	}
	if late := client.attach(t, terminalOptions{ID: "t", Role: "write"}); late.header.Typed != nil {
		t.Fatal("whoever does not say who it is is told what it typed")
	}
	// Neither took the terminal from the writer.
	again.send("f")
	again.expect("deZf")
	if late := client.attach(t, typing("t")); late.typed() != 6 {
		t.Fatal(late.typed())
	}
}

func TestWhatWasTypedIsTold(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	shell := client.attach(t, typing("t"))
	shell.expect("ready")
	told := func() string {
		shell.mutex.Lock()
		defer shell.mutex.Unlock()
		return shell.sizes.String()
	}
	shell.send(strings.Repeat("x", 255))
	shell.expect(strings.Repeat("x", 255))
	if told() != "" {
		t.Fatal(told())
	}
	shell.send("y")
	within(t, patience, "what was typed", func() bool { return told() == "{\"typed\":256}\n" })
	shell.send(strings.Repeat("z", 100_000))
	within(t, patience, "all that was typed", func() bool { return strings.HasSuffix(told(), "{\"typed\":100256}\n") })
}

func TestWhatWasTypedIsKnownAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	shell := client.attach(t, typing("t"))
	shell.expect("ready")
	shell.send("abc")
	shell.expect("abc")
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	client.Wait()
	if again := w.connect().attach(t, typing("t")); again.typed() != 3 {
		t.Fatal(again.typed())
	}
}

func TestWritersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, typing("t"))
	first.expect("ready")
	first.send("abc")
	first.expect("abc")
	for number := range 64 {
		attachment := client.attach(t, terminalOptions{ID: "t", Role: "write", Writer: "w" + string(rune('A'+number%26)) + string(rune('A'+number/26))})
		attachment.channel.Close()
	}
	if again := client.attach(t, typing("t")); again.typed() != 0 {
		t.Fatal(again.typed())
	}
}
