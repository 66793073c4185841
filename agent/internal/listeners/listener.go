// Package listeners knows which sockets listen in the workspace, and whose they are.
package listeners

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
)

// maximumEntries bounds the table.
const maximumEntries = 4096

// Listener is one socket that others can connect to or send to. What is not known is absent.
type Listener struct {
	Kind      string `json:"kind"` // tcp4, tcp6, udp4, udp6 or unix
	Address   string `json:"address,omitempty"`
	Port      int    `json:"port,omitempty"`
	Path      string `json:"path,omitempty"`
	Inode     string `json:"inode"`
	UID       *int   `json:"uid,omitempty"`
	User      string `json:"user,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Process   string `json:"process,omitempty"`
	Command   string `json:"command,omitempty"`
	StartedAt int64  `json:"startedAt,omitempty"` // unix milliseconds of the process's start
}

type table struct {
	Listeners []Listener `json:"listeners"`
	Truncated bool       `json:"truncated,omitempty"`
}

// found is a socket as the kernel tells of it.
type found struct {
	kind    string
	address netip.Addr // the zero one for unix sockets
	port    int
	path    string
	inode   uint64
	uid     int // -1 if it is not known
}

func compare(left, right found) int {
	return cmp.Or(
		cmp.Compare(left.kind, right.kind),
		cmp.Compare(left.port, right.port),
		left.address.Compare(right.address),
		cmp.Compare(left.path, right.path),
		cmp.Compare(left.inode, right.inode),
	)
}

// line is the whole table as one line of JSON.
func line(listeners []Listener) []byte {
	whole := table{Listeners: listeners, Truncated: len(listeners) > maximumEntries}
	if whole.Truncated {
		whole.Listeners = slices.Clone(listeners[:maximumEntries])
	}
	if whole.Listeners == nil {
		whole.Listeners = []Listener{}
	}
	text, _ := json.Marshal(whole)
	return append(text, '\n')
}
