// Package bridge joins the standard streams of an exec with the daemon's socket, and starts the daemon if there is none.
package bridge

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"berth.dev/agent/internal/place"
)

// answerTime is how long a daemon that was just started may take to answer.
const answerTime = 5 * time.Second

// Run carries bytes both ways until the daemon's side has ended. The end of standard input is passed on.
func Run() error {
	connection, greeting, err := connect()
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := os.Stdout.Write(greeting); err != nil {
		return err
	}
	if revisionOf(greeting) >= place.TakesStreams {
		return lend(connection)
	}
	go func() {
		io.Copy(connection, os.Stdin)
		connection.CloseWrite()
	}()
	_, err = io.Copy(os.Stdout, connection)
	if err != nil {
		return fmt.Errorf("the connection to the agent broke: %w", err)
	}
	return nil
}

// connect tries each place where a daemon may be before it starts one: execs of the same user may differ in their
// environment, and should still find the same daemon. It gives what the daemon says first, too.
func connect() (*net.UnixConn, []byte, error) {
	for _, where := range place.Candidates() {
		if where.Trustworthy() != nil {
			continue
		}
		if connection, greeting, err := dial(where); err == nil {
			return connection, greeting, nil
		}
	}
	where, err := place.Find()
	if err != nil {
		return nil, nil, err
	}
	if err := startDaemon(); err != nil {
		return nil, nil, err
	}
	// Another bridge's daemon may have the lock and be on its way to its socket.
	for deadline := time.Now().Add(answerTime); ; time.Sleep(10 * time.Millisecond) {
		connection, greeting, err := dial(where)
		if err == nil {
			return connection, greeting, nil
		}
		if time.Now().After(deadline) {
			return nil, nil, fmt.Errorf("the agent does not answer: %w", err)
		}
	}
}

// dial connects to a daemon that is alive: one that was killed may have a socket that still takes connections for a
// moment, but it greets nobody.
func dial(where place.Place) (*net.UnixConn, []byte, error) {
	connection, err := net.DialTimeout("unix", where.Socket(), answerTime)
	if err != nil {
		return nil, nil, err
	}
	stream, ok := connection.(*net.UnixConn)
	if !ok {
		connection.Close()
		return nil, nil, errors.New("not a unix socket")
	}
	stream.SetReadDeadline(time.Now().Add(answerTime))
	greeting := make([]byte, 512)
	count, err := stream.Read(greeting)
	if err != nil {
		stream.Close()
		return nil, nil, err
	}
	stream.SetReadDeadline(time.Time{})
	return stream, greeting[:count], nil
}
