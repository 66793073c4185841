package pseudoterminal

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestModes(t *testing.T) {
	mode := &unix.Termios{Lflag: unix.ECHO}
	applyModes(mode, []byte{3, 0, 0, 0, 8, 53, 0, 0, 0, 0, 36, 0, 0, 0, 1, 128, 0, 0, 0, 9, 0, 53, 0, 0, 0, 1})
	if mode.Cc[unix.VERASE] != 8 || mode.Lflag&unix.ECHO != 0 || mode.Iflag&unix.ICRNL == 0 {
		t.Fatal(mode)
	}
}

func FuzzModes(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) { applyModes(&unix.Termios{}, data) })
}
