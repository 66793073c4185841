package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

type activityLine struct {
	Last struct {
		Reason, What string
		At           int64
	}
	Now    int64
	Cannot string
	Policy *struct {
		After, KeepUntil int64
		End              bool
	}
}

// activity follows the channel; the first line has come.
type activity struct {
	*testing.T
	channel ssh.Channel
	lines   chan activityLine
	first   activityLine
}

func (client *bridged) followActivity(t *testing.T) *activity {
	t.Helper()
	channel, requests, err := client.OpenChannel("activity@berth.dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	followed := &activity{t, channel, make(chan activityLine, 100), activityLine{}}
	go func() {
		defer close(followed.lines)
		for scanner := bufio.NewScanner(channel); scanner.Scan(); {
			var line activityLine
			if json.Unmarshal(scanner.Bytes(), &line) != nil {
				return
			}
			followed.lines <- line
		}
	}()
	followed.first = <-followed.lines
	return followed
}

// await gives the first line that matches.
func (followed *activity) await(what string, match func(activityLine) bool) activityLine {
	followed.Helper()
	limit := time.After(patience)
	for {
		select {
		case line, open := <-followed.lines:
			if !open {
				followed.Fatalf("%s did not come before the end", what)
			}
			if match(line) {
				return line
			}
		case <-limit:
			followed.Fatalf("%s did not come", what)
		}
	}
}

func (followed *activity) awaitReason(reason, what string) {
	followed.Helper()
	followed.await(reason+" "+what, func(line activityLine) bool {
		return line.Last.Reason == reason && (what == "" || line.Last.What == what)
	})
}

func TestActivityOfATerminal(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	followed := client.followActivity(t)
	if followed.first.Last.Reason != "began" || followed.first.Cannot != "own-command" || followed.first.Now < followed.first.Last.At {
		t.Fatal(followed.first)
	}
	attached := client.attach(t, shellOptions("one"))
	terminal := attached.channel
	// Only the last activity is told: what is typed must not be followed by output before it was seen.
	fmt.Fprint(terminal, "sh -c 'read go; for i in 1 2 3; do sleep 3; echo $i; done; read line'\n")
	followed.awaitReason("input", "")
	fmt.Fprint(terminal, "\n")
	followed.awaitReason("output", "sh")
	attached.expect("\n3\r\n")
	fmt.Fprint(terminal, "x")
	followed.awaitReason("input", "sh")
}

func TestNothingOfTheAgentsOwnCounts(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	followed := client.followActivity(t)
	client.watchPorts(t)
	w.status(client)
	client.SendRequest("keepalive@openssh.com", true, nil)
	other := w.connect()
	other.watchPorts(t)
	command, err := other.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := command.SendRequest("exec@berth.dev", true, ssh.Marshal(struct{ Text string }{`{"command":["/bin/echo","looked"]}`})); err != nil {
		t.Fatal(err)
	}
	// The policy is told on a line of its own, with the mark as it was.
	fmt.Fprintln(followed.channel, `{"policy":{"after":60000,"end":false}}`)
	line := followed.await("the policy", func(line activityLine) bool { return line.Policy != nil })
	if line.Last != followed.first.Last {
		t.Fatal(line)
	}
}

func TestActivityOfConnections(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	followed := client.followActivity(t)
	listener, _ := net.Listen("tcp4", "127.0.0.1:0")
	defer listener.Close()
	go func() {
		for {
			accepted, err := listener.Accept()
			if err != nil {
				return
			}
			go io.Copy(accepted, accepted)
		}
	}()
	connection, err := client.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.Write([]byte("x"))
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	followed.awaitReason("traffic", port)
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("no ssh")
	}
	w.must(w.ssh("workspace", "true"))
	followed.awaitReason("ssh", "exec")
}

func TestActivityIsToldAndKept(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	followed := client.followActivity(t)
	fmt.Fprintln(followed.channel, `{"mark":{"reason":"traffic","what":"3000"}}`)
	fmt.Fprintln(followed.channel, `{"policy":{"after":1800000,"end":true,"keepUntil":4000000000000}}`)
	followed.await("both", func(line activityLine) bool { return line.Last.What == "3000" && line.Policy != nil })
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	client.Wait()
	again := w.connect().followActivity(t)
	if policy := again.first.Policy; policy == nil || policy.After != 1800000 || !policy.End || policy.KeepUntil != 4000000000000 || again.first.Last.What != "3000" {
		t.Fatal(again.first)
	}
	fmt.Fprintln(again.channel, `{"policy":null}`)
	again.await("no policy", func(line activityLine) bool { return line.Policy == nil })
}

func TestMalformedActivity(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	for _, line := range []string{
		"", "x", "[]", "{}", `{"policy":1}`, `{"policy":{"after":1}}`, `{"policy":{"after":"x"}}`, `{"mark":{}}`, `{"mark":null}`,
	} {
		followed := client.followActivity(t)
		fmt.Fprintln(followed.channel, line)
		limit := time.After(patience)
		for open := true; open; {
			select {
			case _, open = <-followed.lines:
			case <-limit:
				t.Fatalf("%q is taken", line)
			}
		}
	}
	w.status(client)
}
