// Package feed hands the latest of something to any number of readers, each at its own pace.
package feed

import (
	"bytes"
	"io"
	"sync"
)

// Feed holds one line. Readers that are slow skip what was between.
type Feed struct {
	mutex   sync.Mutex
	line    []byte
	changed chan struct{}
}

// Publish makes line the latest, if it differs from what is. The caller does not change it afterwards.
func (feed *Feed) Publish(line []byte) {
	feed.mutex.Lock()
	defer feed.mutex.Unlock()
	if bytes.Equal(line, feed.line) {
		return
	}
	feed.line = line
	if feed.changed != nil {
		close(feed.changed)
		feed.changed = nil
	}
}

// Latest is the line, nil if there is none yet, and a channel that is closed with the next one.
func (feed *Feed) Latest() ([]byte, <-chan struct{}) {
	feed.mutex.Lock()
	defer feed.mutex.Unlock()
	if feed.changed == nil {
		feed.changed = make(chan struct{})
	}
	return feed.line, feed.changed
}

// Copy writes each line to destination until that fails or over is closed.
func (feed *Feed) Copy(destination io.Writer, over <-chan struct{}) error {
	for {
		line, changed := feed.Latest()
		if line != nil {
			if _, err := destination.Write(line); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-over:
			return nil
		}
	}
}
