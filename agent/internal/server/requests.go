package server

import (
	"golang.org/x/crypto/ssh"
)

// answerRequests answers global requests (RFC 4254, section 4), in their order.
func (client *connection) answerRequests(requests <-chan *ssh.Request) {
	for request := range requests {
		accepted, payload := client.answer(request)
		if request.WantReply {
			request.Reply(accepted, payload)
		}
	}
}

func (client *connection) answer(request *ssh.Request) (accepted bool, payload []byte) {
	if len(request.Payload) > maximumPayload {
		return false, nil
	}
	switch request.Type {
	case "keepalive@openssh.com":
		return true, nil
	case "status@berth.dev":
		return true, ssh.Marshal(textMessage{client.daemon.status()})
	case "relay@berth.dev":
		text, accepted := client.daemon.describeRelay()
		if !accepted {
			return false, nil
		}
		return true, ssh.Marshal(textMessage{text})
	case "upgrade@berth.dev":
		var message textMessage
		return ssh.Unmarshal(request.Payload, &message) == nil && client.daemon.upgrade(message.Text), nil
	case "credentials@berth.dev":
		var message textMessage
		return ssh.Unmarshal(request.Payload, &message) == nil && client.offerCredentials(message.Text), nil
	case "tcpip-forward":
		return client.forwardTCP(request.Payload)
	case "cancel-tcpip-forward":
		var bind bindMessage
		return ssh.Unmarshal(request.Payload, &bind) == nil && client.forwards.cancel(bind.name()), nil
	case "streamlocal-forward@openssh.com":
		return client.forwardSocket(request.Payload), nil
	case "cancel-streamlocal-forward@openssh.com":
		var message textMessage
		return ssh.Unmarshal(request.Payload, &message) == nil && client.forwards.cancel("unix "+message.Text), nil
	}
	return false, nil
}

// textMessage is a payload of one SSH string (RFC 4251, section 5).
type textMessage struct{ Text string }
