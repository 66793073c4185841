package server

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"os"
	"time"
)

const (
	// maximumRelays bounds relays that are open at a time, and maximumRelayed the TCP connections of each.
	maximumRelays  = 16
	maximumRelayed = 4096

	// keyTime is how long a client has to say the key.
	keyTime = 5 * time.Second

	// relayGreeting comes before the first frame.
	relayGreeting = "BERTH-RELAY-1\n"
)

// relays is the way to carry TCP connections without SSH: who knows the key may use its socket, and sees by the proof
// that this daemon answers there.
type relays struct {
	key, proof string
	admission  admission
}

func newRelays() *relays {
	return &relays{key: secret(), proof: secret(), admission: admission{most: maximumRelays}}
}

// secret is 32 random bytes in hex.
func secret() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

// describeRelay answers relay@berth.dev; false while there is no socket.
func (daemon *Daemon) describeRelay() (string, bool) {
	path := daemon.Place.RelaySocket()
	if !daemon.sockets.isOpen(path) {
		return "", false
	}
	text, err := json.Marshal(struct {
		Path  string `json:"path"`
		PID   int    `json:"pid"`
		Key   string `json:"key"`
		Proof string `json:"proof"`
	}{path, os.Getpid(), daemon.relays.key, daemon.relays.proof})
	return string(text), err == nil
}

// serveRelay carries connections for a client that knows the key, until it goes.
func (daemon *Daemon) serveRelay(near *net.UnixConn) {
	defer near.Close()
	near.SetReadDeadline(time.Now().Add(keyTime))
	said := make([]byte, len(daemon.relays.key))
	if _, err := io.ReadFull(near, said); err != nil || subtle.ConstantTimeCompare(said, []byte(daemon.relays.key)) != 1 {
		return
	}
	near.SetReadDeadline(time.Time{})
	if _, err := io.WriteString(near, daemon.relays.proof+relayGreeting); err != nil {
		return
	}
	newRelay(near).run()
}
