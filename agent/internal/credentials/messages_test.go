package credentials

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzRead reads whatever somebody writes to the socket; what is taken can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"operation":"get","text":"cHJvdG9jb2w9aHR0cHMK"}` + "\n"))
	f.Add([]byte(`{"operation":"get","text":5}` + "\n"))
	f.Add([]byte("{"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ask Ask
		if Read(bytes.NewReader(data), &ask) != nil || ask.Valid() != nil {
			return
		}
		var written bytes.Buffer
		var again Ask
		if Write(&written, ask) != nil || Read(&written, &again) != nil {
			t.Fatal("what was read cannot be read again")
		}
		if again.Operation != ask.Operation || !bytes.Equal(again.Text, ask.Text) {
			t.Fatal(ask, again)
		}
	})
}

func TestBounds(t *testing.T) {
	if (Ask{Operation: "get", Text: make([]byte, MaximumText+1)}).Valid() == nil || (Ask{Operation: "fill"}).Valid() == nil {
		t.Fatal("taken")
	}
	var ask Ask
	if Read(strings.NewReader(strings.Repeat("x", 1<<20)), &ask) == nil {
		t.Fatal("a line without an end")
	}
	var line bytes.Buffer
	Write(&line, Ask{Operation: "store", Text: make([]byte, MaximumText)})
	if Read(&line, &ask) != nil || len(ask.Text) != MaximumText {
		t.Fatal("the largest does not fit")
	}
}

func TestWhatIsSaidToAPersonIsPrintable(t *testing.T) {
	if said := Printable("a\x1b[31mb\nc\u009bd\u00e4"); said != "a[31mbcd\u00e4" {
		t.Fatalf("%q", said)
	}
}
