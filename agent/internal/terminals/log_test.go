package terminals

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"
)

func TestLogKeepsTheEnd(t *testing.T) {
	folder := t.TempDir()
	log := outputLog{folder: folder}
	defer log.close()
	chunk := make([]byte, 100_000)
	for number := range 300 {
		for index := range chunk {
			chunk[index] = byte(number)
		}
		log.append(chunk)
	}
	if log.end != 30_000_000 || log.oldest()%segmentSize != 0 || log.end-log.oldest() < segmentSize {
		t.Fatal(log.end, log.oldest())
	}
	buffer := make([]byte, 32<<10)
	for offset := log.oldest(); offset < log.end; {
		count := log.read(offset, buffer)
		if count <= 0 || buffer[0] != byte(offset/100_000) || buffer[count-1] != byte((offset+int64(count)-1)/100_000) {
			t.Fatal(offset, count)
		}
		offset += int64(count)
	}
	if log.read(log.oldest()-1, buffer) != 0 || log.read(log.end, buffer) != 0 {
		t.Fatal("read what is not kept")
	}
	if left, _ := os.ReadDir(folder); len(left) != 0 {
		t.Fatal(left)
	}
	log.dropBefore(log.end)
	if len(log.segments) != 1 {
		t.Fatal(len(log.segments))
	}
}

func TestLogWithoutDisk(t *testing.T) {
	log := outputLog{folder: "/no/such/folder"}
	defer log.close()
	log.append(bytes.Repeat([]byte("x"), 3*memorySegmentSize))
	buffer := make([]byte, 10)
	if log.end != 3*memorySegmentSize || log.oldest() != memorySegmentSize || log.read(log.end-10, buffer) != 10 || string(buffer) != "xxxxxxxxxx" {
		t.Fatal(log.end, log.oldest())
	}
}

func TestPaused(t *testing.T) {
	terminal := &terminal{attached: map[*Attachment]struct{}{}}
	terminal.condition = sync.NewCond(&terminal.mutex)
	terminal.log.end = 10 << 20
	add := func(writes bool, behind int64, idle time.Duration) *Attachment {
		made := &Attachment{terminal: terminal, writes: writes, cursor: terminal.log.end - behind, progressAt: time.Now().Add(-idle)}
		terminal.attached[made] = struct{}{}
		return made
	}
	if terminal.paused() {
		t.Fatal("without anybody")
	}
	add(false, 5<<20, 0)
	if terminal.paused() {
		t.Fatal("by a watcher")
	}
	slow := add(true, 2<<20, 0)
	if !terminal.paused() {
		t.Fatal("not by a slow writer")
	}
	slow.progressAt = time.Now().Add(-11 * time.Second)
	if terminal.paused() {
		t.Fatal("by a writer that takes nothing")
	}
	slow.progressAt = time.Now()
	add(true, 0, time.Hour)
	if terminal.paused() {
		t.Fatal("though one keeps up")
	}
}

func TestAttachmentThatFallsBehindIsClosed(t *testing.T) {
	terminal := &terminal{attached: map[*Attachment]struct{}{}, touched: func() {}, log: outputLog{folder: t.TempDir()}}
	terminal.condition = sync.NewCond(&terminal.mutex)
	attachment := terminal.attach(Options{Role: "watch"})
	terminal.log.append(make([]byte, 3*segmentSize))
	if _, err := attachment.Copy(io.Discard, io.Discard); !errors.Is(err, ErrBehind) {
		t.Fatal(err)
	}
	attachment.Detach()
	terminal.forget()
}

func FuzzOptions(f *testing.F) {
	f.Add(`{"id":"a","role":"write","create":{"command":["x"],"env":{"A":"b"},"columns":80,"rows":24},"from":{"epoch":"e","offset":1}}`)
	f.Add(`{"id":"a","epoch":"e","offset":1,"size":-1}`)
	f.Add(`{"id":1}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		if options, err := ParseOptions(text); err == nil && (!validID(options.ID) || options.From != nil && options.From.Offset < 0) {
			t.Fatal(options)
		}
		if options, err := ParseCheckpoint(text); err == nil && (options.Size < 0 || options.Size > MaximumCheckpoint) {
			t.Fatal(options)
		}
	})
}
