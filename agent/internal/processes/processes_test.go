package processes

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestThisProcess(t *testing.T) {
	pid := os.Getpid()
	if !slices.Contains(All(), pid) || Name(pid) == "" || len(Command(pid)) == 0 || Folder(pid) == "" {
		t.Fatal(Name(pid), Command(pid), Folder(pid))
	}
	if age := time.Since(time.UnixMilli(StartedAt(pid))); age < -2*time.Second || age > time.Minute {
		t.Fatal(age)
	}
}

func FuzzProc(f *testing.F) {
	f.Add("1 (a) b) c) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 0")
	f.Add("cpu 1 2\nbtime 1700000000\nprocesses 3\n")
	f.Add("node\x00server.js\x00")
	f.Fuzz(func(t *testing.T, text string) {
		startTicks(text)
		bootTime(text)
		splitCommand([]byte(text))
		usageOf(text)
	})
}
