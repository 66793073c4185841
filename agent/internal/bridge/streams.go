package bridge

import (
	"bytes"
	"io"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/place"
)

// greetingPrefix is what a daemon says of itself, up to its revision.
var greetingPrefix = []byte("SSH-2.0-BerthAgent_")

// revisionOf reads who greets; 0 where that is not known.
func revisionOf(greeting []byte) int {
	rest, found := bytes.CutPrefix(greeting, greetingPrefix)
	if !found {
		return 0
	}
	number, _, _ := bytes.Cut(rest, []byte("\r\n"))
	revision, _ := strconv.Atoi(string(number))
	return revision
}

// lend has the daemon read and write this exec's streams itself, and waits until it is done with them. Without it each
// byte would be carried once more.
func lend(connection *net.UnixConn) error {
	rights := unix.UnixRights(int(os.Stdin.Fd()), int(os.Stdout.Fd()))
	if _, _, err := connection.WriteMsgUnix([]byte{place.Streams}, rights, nil); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, connection)
	return err
}
