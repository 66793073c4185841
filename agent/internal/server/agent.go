package server

import (
	"crypto/rand"
	"path/filepath"
	"sync"

	"berth.dev/agent/internal/place"
)

// agentForward is the socket behind which the client's own SSH agent answers, one per connection.
type agentForward struct {
	mutex sync.Mutex
	path  string
}

// forwardAgent makes the socket when the first session asks for it (auth-agent-req@openssh.com); "" if it cannot.
func (client *connection) forwardAgent() string {
	client.agent.mutex.Lock()
	defer client.agent.mutex.Unlock()
	if client.agent.path != "" {
		return client.agent.path
	}
	path := filepath.Join(client.daemon.Place.Folder, place.ForwardPrefix+rand.Text()[:12]+".sock")
	listener, err := listenPrivately(path)
	if err != nil {
		return ""
	}
	client.closing.add(func() { listener.Close() })
	go client.acceptSocket(listener, "auth-agent@openssh.com", nil)
	client.agent.path = path
	return path
}
