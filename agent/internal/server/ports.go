package server

import (
	"io"

	"golang.org/x/crypto/ssh"
)

// servePorts answers ports@berth.dev: the table of what listens, whenever it changes.
func (client *connection) servePorts(opening ssh.NewChannel) {
	channel, over, err := accept(opening)
	if err != nil {
		return
	}
	defer channel.Close()
	go io.Copy(io.Discard, channel)
	feed, end := client.daemon.listeners.Subscribe()
	defer end()
	feed.Copy(channel, over)
}

// accept takes a channel that has no requests of its own; over is closed with the channel.
func accept(opening ssh.NewChannel) (ssh.Channel, <-chan struct{}, error) {
	channel, requests, err := opening.Accept()
	if err != nil {
		return nil, nil, err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		ssh.DiscardRequests(requests)
	}()
	return channel, over, nil
}
