package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestDepartures(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "place")
	departures := followDepartures()
	if departures == nil {
		t.Fatal("there is no inotify")
	}
	told := func(what string) {
		t.Helper()
		select {
		case <-departures.channel():
		case <-time.After(50 * time.Second):
			t.Fatalf("%s: not told", what)
		}
	}
	// Twice: a folder that was made anew is another one.
	for range 2 {
		if departures.from(folder) {
			t.Fatal("follows what is not there")
		}
		file := filepath.Join(folder, "agent.sock")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if !departures.from(folder) || !departures.from(folder) {
			t.Fatal("does not follow")
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		told("a file")
		if err := os.Remove(folder); err != nil {
			t.Fatal(err)
		}
		told("the folder")
		// The folder's end may be told in several parts.
		for quiet := false; !quiet; {
			select {
			case <-departures.channel():
			case <-time.After(time.Second):
				quiet = true
			}
		}
	}
	select {
	case <-departures.channel():
		t.Fatal("told without a reason")
	default:
	}
}

func TestWithoutDepartures(t *testing.T) {
	var none *departures
	if none.from(t.TempDir()) || none.channel() != nil {
		t.Fatal("follows nothing, and says so")
	}
}
