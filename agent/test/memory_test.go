package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// resident is VmRSS, in kilobytes.
func resident(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "VmRSS:")
	size, _ := strconv.Atoi(strings.Fields(after)[0])
	return size
}

func TestMemoryWithTenTerminals(t *testing.T) {
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	t.Logf("one connection: %d kB resident", resident(t, told.PID))
	for number := range 10 {
		terminal := client.attach(t, shellOptions("t"+strconv.Itoa(number), "/bin/sh"))
		terminal.send("seq 1 50000\r")
		terminal.expect("\r\n50000\r\n")
	}
	time.Sleep(2 * time.Second)
	size := resident(t, told.PID)
	t.Logf("ten terminals: %d kB resident", size)
	if size > 15<<10 {
		t.Error("too much")
	}
	before := worked(t, told.PID)
	time.Sleep(3 * time.Second)
	idle := worked(t, told.PID) - before
	t.Logf("ten idle terminals: %s of work in 3 s", idle)
	if idle > 20*time.Millisecond {
		t.Error("too much")
	}
}

func TestProgramIsSmall(t *testing.T) {
	info, err := os.Stat(program)
	if err != nil || info.Size() > 8<<20 {
		t.Fatal(info.Size(), err)
	}
	t.Logf("%d bytes", info.Size())
}
