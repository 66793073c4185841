package test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestTerminalOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, shellOptions("one", "/bin/sh"))
	if first.header.Columns != 90 || first.header.Rows != 30 || first.header.Start != 0 || first.header.Lost {
		t.Fatal(first.header)
	}
	first.send("X=kept; echo first-$X\r")
	first.expect("first-kept")
	seen, position := first.text(), first.position()
	client.bridge.Process.Kill()
	first.ended()

	again := w.connect().attach(t, terminalOptions{ID: "one", Role: "write", From: &from{first.header.Epoch, position}})
	if again.header.Epoch != first.header.Epoch || again.header.Start != position {
		t.Fatal(again.header, position)
	}
	again.send("echo second-$X; stty size\r")
	again.expect("second-kept\r\n30 90")
	if strings.Contains(again.text(), "first-kept") {
		t.Fatal(again.text())
	}
	whole := w.connect().attach(t, shellOptions("one"))
	whole.expect("30 90")
	if !strings.HasPrefix(whole.text(), seen) {
		t.Fatalf("%q\n%q", whole.text(), seen)
	}
	again.send("exit 5\r")
	again.ended()
	whole.ended()
	if again.code != 5 || whole.code != 5 {
		t.Fatal(again.code, whole.code)
	}
	later := w.connect().attach(t, terminalOptions{ID: "one", Role: "watch"})
	later.ended()
	if later.code != 5 || !strings.HasPrefix(later.text(), whole.text()) {
		t.Fatal(later.code)
	}
}

func TestUnknownTerminal(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	for text, options := range map[string]terminalOptions{
		"no-terminal": {ID: "none", Role: "write"},
		"malformed":   {ID: "a b", Role: "write"},
		"not-found":   shellOptions("x", "no-such-program"),
	} {
		_, err := client.open(t, options)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || !strings.HasPrefix(refused.Message, text) {
			t.Fatal(text, err)
		}
	}
}

func TestExitWhileDetached(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, shellOptions("one", "/bin/sh", "-c", "sleep 0.5; head -c 200000 /dev/zero | tr '\\0' x; kill -KILL $$"))
	first.channel.Close()
	time.Sleep(time.Second)
	later := client.attach(t, shellOptions("one"))
	later.ended()
	if later.signal != "KILL" || len(later.text()) != 200000 {
		t.Fatal(later.signal, len(later.text()))
	}
}

func TestTwoWritersAndAWatcher(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client, other := w.connect(), w.connect()
	one := client.attach(t, shellOptions("one", "/bin/sh"))
	two := other.attach(t, terminalOptions{ID: "one", Role: "write"})
	watcher := other.attach(t, terminalOptions{ID: "one", Role: "watch"})
	one.send("echo a$((1+1))\r")
	two.expect("a2")
	two.send("echo b$((1+1))\r")
	one.expect("b2")
	watcher.expect("b2")
	watcher.send("echo c$((1+1))\r")
	change := ssh.Marshal(struct{ Columns, Rows, Width, Height uint32 }{100, 40, 0, 0})
	if accepted, _ := watcher.channel.SendRequest("window-change", true, change); accepted {
		t.Fatal("a watcher resized the terminal")
	}
	two.channel.SendRequest("window-change", true, change)
	one.send("stty size\r")
	watcher.expect("40 100")
	if strings.Contains(one.text(), "c2") {
		t.Fatal("a watcher wrote")
	}
	for _, each := range []*attached{one, two, watcher} {
		within(t, patience, "the size", func() bool {
			each.mutex.Lock()
			defer each.mutex.Unlock()
			return strings.HasPrefix(each.sizes.String(), `{"columns":100,"rows":40,"offset":`)
		})
	}
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	first := client.attach(t, shellOptions("one", "/bin/sh"))
	first.send("echo before-$((1+1))\r")
	first.expect("before-2")
	time.Sleep(100 * time.Millisecond)
	position := first.position()
	picture := []byte(strings.Repeat("picture", 100000))
	if answer := client.checkpoint(t, "one", first.header.Epoch, position, picture); answer != "{\"ok\":true}\n" {
		t.Fatal(answer)
	}
	for _, answer := range []string{
		client.checkpoint(t, "two", first.header.Epoch, position, picture),
		client.checkpoint(t, "one", "other", position, picture),
		client.checkpoint(t, "one", first.header.Epoch, position+1000000, picture),
		client.checkpoint(t, "one", first.header.Epoch, 0, picture),
	} {
		if !strings.Contains(answer, `"ok":false,"problem":`) {
			t.Fatal(answer)
		}
	}
	first.send("echo after-$((1+1))\r")
	first.expect("after-2")
	second := client.attach(t, terminalOptions{ID: "one", Role: "watch"})
	second.expect("after-2")
	if second.header.Snapshot == nil || second.header.Start != position || string(second.snapshot) != string(picture) || strings.Contains(second.text(), "before-2") {
		t.Fatal(second.header, second.text())
	}
	third := client.attach(t, terminalOptions{ID: "one", Role: "watch", From: &from{first.header.Epoch, 0}})
	third.expect("before-2")
	if third.header.Snapshot != nil {
		t.Fatal(third.header)
	}
}

func TestLogOverflow(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	// 24 MB of numbered lines, of 16 bytes each.
	first := client.attach(t, shellOptions("one", "/bin/sh", "-c", "stty -opost; seq -f %015.0f 1 1500000; sleep 60"))
	first.expect("000000001500000\n")
	late := client.attach(t, terminalOptions{ID: "one", Role: "watch", From: &from{first.header.Epoch, 10}})
	late.expect("000000001500000\n")
	if !late.header.Lost || late.header.Start < 8<<20 || late.header.Start%16 != 0 || late.header.End-late.header.Start < 8<<20 {
		t.Fatal(late.header)
	}
	if want := fmt.Sprintf("%015d\n", late.header.Start/16+1); !strings.HasPrefix(late.text(), want) {
		t.Fatalf("%.40q %q", late.text(), want)
	}
	if int64(len(first.text())) != late.header.End {
		t.Fatal(len(first.text()), late.header.End)
	}
}

func TestFlowControl(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	slow, err := client.open(t, shellOptions("one", "yes"))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	list := client.list(t)
	end := int64(0)
	list.until("a list", func(told []listedTerminal) bool { end = told[0].End; return true })
	// What is in the channel's window, and what may be unsent.
	if end > 5<<20 {
		t.Fatal("the program was not held up:", end)
	}
	other := w.connect()
	fast := other.attach(t, terminalOptions{ID: "one", Role: "write"})
	within(t, patience, "output for the one who keeps up", func() bool { return fast.position() > 12<<20 })
	other.Close()
	slow.channel.Close()
	free := int64(0)
	list.until("nobody attached", func(told []listedTerminal) bool { free = told[0].End; return told[0].Attached == 0 })
	// More than any buffer on the way holds.
	list.until("running free", func(told []listedTerminal) bool { return told[0].End > free+8<<20 })
	if problem := list.ask(map[string]any{"end": map[string]string{"id": "one"}}); problem != "" {
		t.Fatal(problem)
	}
	list.until("the end", func(told []listedTerminal) bool { return len(told) == 0 })
}

func TestTerminalsList(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	list := client.list(t)
	list.until("an empty list", func(told []listedTerminal) bool { return len(told) == 0 })
	one := client.attach(t, shellOptions("one", "/bin/sh", "-i"))
	list.until("the terminal", func(told []listedTerminal) bool {
		return len(told) == 1 && told[0].Attached == 1 && told[0].Writers == 1 && told[0].Foreground != nil && told[0].Foreground.PID == told[0].PID
	})
	one.send("cd /usr/bin; sleep 77\r")
	list.until("the foreground", func(told []listedTerminal) bool {
		return told[0].Cwd == "/usr/bin" && told[0].Foreground != nil && told[0].Foreground.Command == "sleep 77" && told[0].Foreground.Process == "sleep"
	})
	if problem := list.ask(map[string]any{"rename": map[string]string{"id": "one", "name": "Ours"}}); problem != "" {
		t.Fatal(problem)
	}
	if problem := list.ask(map[string]any{"forget": map[string]string{"id": "one"}}); problem != "running" {
		t.Fatal(problem)
	}
	if problem := list.ask(map[string]any{"rename": map[string]string{"id": "two", "name": "Ours"}}); problem != "no-terminal" {
		t.Fatal(problem)
	}
	if problem := list.ask(map[string]any{"signal": map[string]string{"id": "one", "signal": "INT"}}); problem != "" {
		t.Fatal(problem)
	}
	list.until("the shell again", func(told []listedTerminal) bool {
		return told[0].Name == "Ours" && told[0].Foreground != nil && told[0].Foreground.PID == told[0].PID
	})
	one.send("echo pid=$$=\r")
	one.expect("=\r\n")
	one.send("exit 3\r")
	list.until("the exit", func(told []listedTerminal) bool {
		return told[0].Exit != nil && told[0].Exit.Code != nil && *told[0].Exit.Code == 3
	})
	if problem := list.ask(map[string]any{"forget": map[string]string{"id": "one"}}); problem != "" {
		t.Fatal(problem)
	}
	if told := w.status(client); told.Terminals != 0 {
		t.Fatal(told)
	}
}

func TestEndedTerminalsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	for number := range 36 {
		client.attach(t, shellOptions("t"+strconv.Itoa(number), "true")).ended()
	}
	list := client.list(t)
	list.until("32 of them", func(told []listedTerminal) bool { return len(told) == 32 && told[0].ID == "t4" })
}
