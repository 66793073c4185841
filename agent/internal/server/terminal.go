package server

import (
	"encoding/json"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/terminals"
)

// serveTerminal answers terminal@berth.dev: attaches to a terminal, which outlives the channel.
func (client *connection) serveTerminal(opening ssh.NewChannel) {
	var message textMessage
	if ssh.Unmarshal(opening.ExtraData(), &message) != nil {
		opening.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	options, err := terminals.ParseOptions(message.Text)
	if err != nil {
		opening.Reject(ssh.ConnectionFailed, terminals.ProblemOf(err))
		return
	}
	attachment, err := client.daemon.Terminals.Attach(options)
	if err != nil {
		opening.Reject(ssh.ConnectionFailed, terminals.ProblemOf(err))
		return
	}
	defer attachment.Detach()
	channel, requests, err := opening.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go func() {
		defer attachment.Detach()
		for request := range requests {
			size, ok := windowChange(request.Payload)
			accepted := request.Type == "window-change" && ok && attachment.Resize(size)
			request.Reply(accepted, nil)
		}
	}()
	go typeInto(attachment, channel)
	status, err := attachment.Copy(channel, channel.Stderr())
	if err == nil {
		tellEnd(channel, status)
	}
}

// typeInto takes the client's input, and takes it off the channel even when nothing can be typed any more.
func typeInto(attachment *terminals.Attachment, channel ssh.Channel) {
	buffer := make([]byte, 4<<10)
	for {
		count, err := channel.Read(buffer)
		if count > 0 {
			attachment.Input(buffer[:count])
		}
		if err != nil {
			return
		}
	}
}

// serveCheckpoint answers checkpoint@berth.dev.
func (client *connection) serveCheckpoint(opening ssh.NewChannel) {
	var message textMessage
	if ssh.Unmarshal(opening.ExtraData(), &message) != nil {
		opening.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	options, err := terminals.ParseCheckpoint(message.Text)
	if err != nil {
		opening.Reject(ssh.ConnectionFailed, terminals.ProblemOf(err))
		return
	}
	channel, _, err := accept(opening)
	if err != nil {
		return
	}
	defer channel.Close()
	answer := answer{Good: true}
	if err := client.daemon.Terminals.SetCheckpoint(options, channel); err != nil {
		answer = answerOf(err)
	}
	channel.Write(answer.line())
	channel.CloseWrite()
}

// answer is a line that says whether something was done.
type answer struct {
	Reply   *int64 `json:"reply,omitempty"`
	Good    bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

func answerOf(err error) answer {
	if err == nil {
		return answer{Good: true}
	}
	return answer{Problem: terminals.ProblemOf(err)}
}

func (answer answer) line() []byte {
	text, _ := json.Marshal(answer)
	return append(text, '\n')
}
