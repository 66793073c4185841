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
	connection, err := connect()
	if err != nil {
		return err
	}
	defer connection.Close()
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
// environment, and should still find the same daemon.
func connect() (*net.UnixConn, error) {
	for _, where := range place.Candidates() {
		if where.Trustworthy() != nil {
			continue
		}
		if connection, err := dial(where); err == nil {
			return connection, nil
		}
	}
	where, err := place.Find()
	if err != nil {
		return nil, err
	}
	if err := startDaemon(); err != nil {
		return nil, err
	}
	// Another bridge's daemon may have the lock and be on its way to its socket.
	for deadline := time.Now().Add(answerTime); ; time.Sleep(10 * time.Millisecond) {
		connection, err := dial(where)
		if err == nil {
			return connection, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the agent does not answer: %w", err)
		}
	}
}

func dial(where place.Place) (*net.UnixConn, error) {
	connection, err := net.DialTimeout("unix", where.Socket(), answerTime)
	if err != nil {
		return nil, err
	}
	stream, ok := connection.(*net.UnixConn)
	if !ok {
		connection.Close()
		return nil, errors.New("not a unix socket")
	}
	return stream, nil
}
