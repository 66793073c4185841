package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

type header struct {
	Epoch         string
	Start, End    int64
	Columns, Rows int
	Snapshot      *struct{ Offset, Size int64 }
	Lost          bool
	Typed         *int64
}

type from struct {
	Epoch  string `json:"epoch"`
	Offset int64  `json:"offset"`
}

type terminalOptions struct {
	ID     string         `json:"id"`
	Create map[string]any `json:"create,omitempty"`
	From   *from          `json:"from,omitempty"`
	Role   string         `json:"role"`
	Writer string         `json:"writer,omitempty"`
}

// attached is a client of one terminal that keeps what it gets.
type attached struct {
	*testing.T
	channel  ssh.Channel
	reader   *bufio.Reader
	header   header
	snapshot []byte
	mutex    sync.Mutex
	output   bytes.Buffer
	sizes    bytes.Buffer
	code     int
	signal   string
	over     chan struct{}

	collecting sync.WaitGroup
}

func shellOptions(id string, command ...string) terminalOptions {
	create := map[string]any{"columns": 90, "rows": 30, "env": map[string]string{"PS1": "$ "}}
	if len(command) > 0 {
		create["command"] = command
	}
	return terminalOptions{ID: id, Role: "write", Create: create}
}

// open attaches and reads the header and the snapshot, but no output yet.
func (client *bridged) open(t *testing.T, options terminalOptions) (*attached, error) {
	t.Helper()
	text, _ := json.Marshal(options)
	channel, requests, err := client.OpenChannel("terminal@berth.dev", ssh.Marshal(struct{ Text string }{string(text)}))
	if err != nil {
		return nil, err
	}
	made := &attached{T: t, channel: channel, reader: bufio.NewReader(channel), code: -1, over: make(chan struct{})}
	go func() {
		for request := range requests {
			switch request.Type {
			case "exit-status":
				made.code = int(request.Payload[3])
			case "exit-signal":
				var message struct {
					Signal            string
					Core              bool
					Message, Language string
				}
				ssh.Unmarshal(request.Payload, &message)
				made.signal = message.Signal
			}
		}
		close(made.over)
	}()
	line, err := made.reader.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &made.header); err != nil {
		t.Fatal(err, string(line))
	}
	if made.header.Snapshot != nil {
		made.snapshot = make([]byte, made.header.Snapshot.Size)
		io.ReadFull(made.reader, made.snapshot)
	}
	return made, nil
}

// attach opens and collects output.
func (client *bridged) attach(t *testing.T, options terminalOptions) *attached {
	t.Helper()
	made, err := client.open(t, options)
	if err != nil {
		t.Fatal(err)
	}
	made.collect()
	return made
}

func (a *attached) collect() {
	keep := func(source io.Reader, into *bytes.Buffer) {
		buffer := make([]byte, 32<<10)
		for {
			count, err := source.Read(buffer)
			a.mutex.Lock()
			into.Write(buffer[:count])
			a.mutex.Unlock()
			if err != nil {
				return
			}
		}
	}
	a.collecting.Go(func() { keep(a.reader, &a.output) })
	a.collecting.Go(func() { keep(a.channel.Stderr(), &a.sizes) })
}

func (a *attached) text() string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.output.String()
}

func (a *attached) expect(text string) {
	a.Helper()
	looked := 0
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		a.mutex.Lock()
		found := bytes.Contains(a.output.Bytes()[looked:], []byte(text))
		looked = max(0, a.output.Len()-len(text))
		a.mutex.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			a.Fatalf("%q did not come; there is %.300q", text, a.text())
		}
	}
}

func (a *attached) send(text string) { io.WriteString(a.channel, text) }

func (a *attached) position() int64 { return a.header.Start + int64(len(a.text())) }

func (a *attached) ended() {
	a.Helper()
	select {
	case <-a.over:
		a.collecting.Wait()
	case <-time.After(patience):
		a.Fatalf("the terminal did not end; there is %.300q", a.text())
	}
}

func (client *bridged) checkpoint(t *testing.T, id, epoch string, offset int64, data []byte) string {
	t.Helper()
	text := fmt.Sprintf(`{"id":%q,"epoch":%q,"offset":%d,"size":%d,"columns":80,"rows":24}`, id, epoch, offset, len(data))
	channel, requests, err := client.OpenChannel("checkpoint@berth.dev", ssh.Marshal(struct{ Text string }{text}))
	if err != nil {
		return err.Error()
	}
	go ssh.DiscardRequests(requests)
	channel.Write(data)
	channel.CloseWrite()
	answer, _ := io.ReadAll(channel)
	return string(answer)
}

type listedTerminal struct {
	ID, Name, Epoch, Cwd       string
	CreatedAt, End, ActivityAt int64
	PID, Columns, Rows         int
	Attached, Writers          int
	Command                    []string
	Foreground                 *struct {
		PID              int
		Process, Command string
	}
	Exit *struct {
		Code   *int
		Signal string
	}
}

// terminals is a subscription of the list.
type terminalsList struct {
	*testing.T
	channel ssh.Channel
	lines   chan []byte
	number  int
	latest  []listedTerminal
	unseen  bool // the latest came while an answer was waited for
}

func (client *bridged) list(t *testing.T) *terminalsList {
	t.Helper()
	channel, requests, err := client.OpenChannel("terminals@berth.dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	list := &terminalsList{T: t, channel: channel, lines: make(chan []byte, 1000)}
	go func() {
		defer close(list.lines)
		lines := bufio.NewScanner(channel)
		for lines.Scan() {
			list.lines <- bytes.Clone(lines.Bytes())
		}
	}()
	return list
}

// until waits for a list in which the terminal is as wanted.
func (l *terminalsList) until(what string, wanted func([]listedTerminal) bool) {
	l.Helper()
	if l.unseen {
		l.unseen = false
		if wanted(l.latest) {
			return
		}
	}
	limit := time.After(patience)
	for {
		select {
		case line := <-l.lines:
			var told struct{ Terminals []listedTerminal }
			if json.Unmarshal(line, &told) == nil && told.Terminals != nil {
				l.latest = told.Terminals
				if wanted(told.Terminals) {
					return
				}
			}
		case <-limit:
			l.Fatalf("%s: not told; last %+v", what, l.latest)
		}
	}
}

// ask sends a request and gives its answer's problem.
func (l *terminalsList) ask(request map[string]any) string {
	l.Helper()
	l.number++
	request["request"] = l.number
	text, _ := json.Marshal(request)
	l.channel.Write(append(text, '\n'))
	limit := time.After(patience)
	for {
		select {
		case line := <-l.lines:
			var told struct {
				Reply     int
				Ok        bool
				Problem   string
				Terminals []listedTerminal
			}
			if json.Unmarshal(line, &told) == nil && told.Reply == l.number {
				if told.Ok != (told.Problem == "") {
					l.Fatal(string(line))
				}
				return told.Problem
			}
			if told.Terminals != nil {
				l.latest, l.unseen = told.Terminals, true
			}
		case <-limit:
			l.Fatal("no answer")
		}
	}
}
