package server

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	kindGit = "git"
	kindSSH = "ssh"
	kindGPG = "gpg"

	// openTime is how long a client may take to say whether it can be asked at all. One whose computer sleeps says nothing.
	openTime = 5 * time.Second

	// refusedPatience is how long another client is waited for once one has refused: that of whoever wants it now may be on
	// its way, beside one that was there before.
	refusedPatience = 1500 * time.Millisecond
)

// errNobody says that no client that lends such a thing is there.
var errNobody = errors.New("no computer with Berth is connected to this workspace, so there is nobody to ask")

// lenders are the clients that may be asked for what their users own, the newest offer last.
type lenders struct {
	mutex   sync.Mutex
	offers  []offer
	changed chan struct{} // closed at the next offer
}

type offer struct {
	client *connection
	kinds  []string
}

// offerCredentials answers credentials@berth.dev: what this client can be asked for from now on.
func (client *connection) offerCredentials(text string) bool {
	var wanted struct {
		Kinds []string `json:"kinds"`
	}
	if json.Unmarshal([]byte(text), &wanted) != nil || len(wanted.Kinds) > 16 {
		return false
	}
	lenders := &client.daemon.lenders
	lenders.withdraw(client)
	if len(wanted.Kinds) > 0 {
		lenders.add(offer{client, wanted.Kinds})
		client.closing.add(func() { lenders.withdraw(client) })
	}
	return true
}

func (lenders *lenders) add(made offer) {
	lenders.mutex.Lock()
	defer lenders.mutex.Unlock()
	lenders.offers = append(lenders.offers, made)
	if lenders.changed != nil {
		close(lenders.changed)
		lenders.changed = nil
	}
}

func (lenders *lenders) withdraw(client *connection) {
	lenders.mutex.Lock()
	defer lenders.mutex.Unlock()
	lenders.offers = slices.DeleteFunc(lenders.offers, func(made offer) bool { return made.client == client })
}

// of lists the clients that offer a kind, the newest offer first, and a channel that is closed when there is another.
func (lenders *lenders) of(kind string) ([]*connection, <-chan struct{}) {
	lenders.mutex.Lock()
	defer lenders.mutex.Unlock()
	var list []*connection
	for _, made := range slices.Backward(lenders.offers) {
		if slices.Contains(made.kinds, kind) {
			list = append(list, made.client)
		}
	}
	if lenders.changed == nil {
		lenders.changed = make(chan struct{})
	}
	return list, lenders.changed
}

// borrow opens a channel to the newest client that takes it, and waits a while for one to come where there is none. A
// client that refuses in its user's name ends the search; its words are the error. Any other that refuses is not asked
// again, and makes the wait shorter.
func (lenders *lenders) borrow(kind, channelType string, extra []byte, patience time.Duration, gone <-chan struct{}) (*loan, error) {
	late := time.After(patience)
	refused := errNobody
	asked := map[*connection]bool{}
	for {
		clients, changed := lenders.of(kind)
		for _, client := range clients {
			if asked[client] {
				continue
			}
			asked[client] = true
			made, err := client.lend(channelType, extra)
			var refusal *ssh.OpenChannelError
			switch {
			case err == nil:
				return made, nil
			case errors.As(err, &refusal) && refusal.Reason == ssh.Prohibited:
				return nil, errors.New(refusal.Message)
			case errors.As(err, &refusal) && refusal.Message != "":
				if refused == errNobody {
					late = time.After(min(patience, refusedPatience))
				}
				refused = errors.New(refusal.Message)
			}
		}
		select {
		case <-changed:
		case <-gone:
			return nil, refused
		case <-late:
			return nil, refused
		}
	}
}

// loan is an open channel to a client that answers.
type loan struct {
	client   *connection
	channel  ssh.Channel
	requests <-chan *ssh.Request
}

// lend opens a channel to the client, which has little time to take it.
func (client *connection) lend(channelType string, extra []byte) (*loan, error) {
	type result struct {
		loan *loan
		err  error
	}
	done := make(chan result, 1)
	go func() {
		channel, requests, err := client.ssh.OpenChannel(channelType, extra)
		done <- result{&loan{client, channel, requests}, err}
	}()
	select {
	case made := <-done:
		return made.loan, made.err
	case <-time.After(openTime):
		go func() {
			if made := <-done; made.err == nil {
				go ssh.DiscardRequests(made.loan.requests)
				made.loan.channel.Close()
			}
		}()
		return nil, errors.New("no answer")
	}
}
