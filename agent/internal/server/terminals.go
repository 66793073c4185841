package server

import (
	"bufio"
	"encoding/json"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/terminals"
)

// serveTerminals answers terminals@berth.dev: the list, whenever it changes, and requests about single terminals.
func (client *connection) serveTerminals(opening ssh.NewChannel) {
	channel, over, err := accept(opening)
	if err != nil {
		return
	}
	defer channel.Close()
	feed, end := client.daemon.Terminals.Subscribe()
	defer end()
	writer := &lineWriter{destination: channel}
	go client.answerLines(channel, writer)
	feed.Copy(writer, over)
}

// lineWriter keeps lines of several writers apart.
type lineWriter struct {
	mutex       sync.Mutex
	destination io.Writer
}

func (writer *lineWriter) Write(line []byte) (int, error) {
	writer.mutex.Lock()
	defer writer.mutex.Unlock()
	return writer.destination.Write(line)
}

// terminalsRequest has exactly one of the four.
type terminalsRequest struct {
	Request int64 `json:"request"`
	Rename  *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"rename"`
	Signal *struct {
		ID     string `json:"id"`
		Signal string `json:"signal"`
	} `json:"signal"`
	End *struct {
		ID string `json:"id"`
	} `json:"end"`
	Forget *struct {
		ID string `json:"id"`
	} `json:"forget"`
}

// answerLines ends the channel at a line that is too long or no request.
func (client *connection) answerLines(channel ssh.Channel, writer io.Writer) {
	lines := bufio.NewScanner(channel)
	lines.Buffer(nil, maximumPayload)
	for lines.Scan() {
		var request terminalsRequest
		if json.Unmarshal(lines.Bytes(), &request) != nil {
			channel.Close()
			return
		}
		answer := answerOf(client.perform(request))
		answer.Reply = &request.Request
		if _, err := writer.Write(answer.line()); err != nil {
			return
		}
	}
	if lines.Err() != nil {
		channel.Close()
	}
}

func (client *connection) perform(request terminalsRequest) error {
	all := client.daemon.Terminals
	switch {
	case request.Rename != nil:
		return all.Rename(request.Rename.ID, request.Rename.Name)
	case request.Signal != nil:
		return all.Signal(request.Signal.ID, request.Signal.Signal)
	case request.End != nil:
		return all.End(request.End.ID)
	case request.Forget != nil:
		return all.Forget(request.Forget.ID)
	}
	return &terminals.Problem{Code: "malformed"}
}
