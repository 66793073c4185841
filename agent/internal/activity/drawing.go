package activity

import (
	"bytes"
	"sync/atomic"
	"time"
)

// Drawing tells the output of a program that paints a picture over and over (top, watch, the clock of a status bar,
// an editor) from that of one that gets on with something. The first places the cursor or uses the alternate screen
// (ECMA-48, 8.3.21; xterm, "Private Modes"); the second prints lines, or one line again and again, as progress bars do.
type Drawing struct {
	paintedAt time.Time
	alternate bool
	resizedAt atomic.Int64 // unix nanoseconds
	kept      []byte       // the beginning of a sequence whose end has not come yet
}

// onePicture is for how long what comes after it belongs to a picture, and after a new size is drawn for that.
const onePicture = time.Second

// longestSequence bounds what is looked at for the end of a sequence.
const longestSequence = 32

// Paints takes the next output, and reports whether it is a picture's, of which each may come in several pieces.
func (drawing *Drawing) Paints(output []byte, now time.Time) bool {
	if drawing.places(output) {
		drawing.paintedAt = now
	}
	return drawing.alternate || now.Sub(drawing.paintedAt) < onePicture || now.UnixNano()-drawing.resizedAt.Load() < int64(onePicture)
}

// Resized says that what comes next is drawn anew for another size, whoever draws it. May be called from anywhere.
func (drawing *Drawing) Resized(now time.Time) { drawing.resizedAt.Store(now.UnixNano()) }

// places reports whether output places the cursor, or enters or leaves the alternate screen.
func (drawing *Drawing) places(output []byte) bool {
	if len(drawing.kept) > 0 {
		output = append(drawing.kept, output[:min(len(output), longestSequence)]...)
		drawing.kept = nil
	}
	paints := false
	for {
		start := bytes.IndexByte(output, 0x1b)
		if start < 0 {
			return paints
		}
		output = output[start:]
		length, final, parameters := sequence(output)
		switch {
		case length == 0:
			if len(output) < longestSequence {
				drawing.kept = bytes.Clone(output)
				return paints
			}
			length = 1
		case final == 'H' || final == 'f' || final == 'd':
			paints = true
		case final == 'h' || final == 'l':
			switch string(parameters) {
			case "?1049", "?1047", "?47":
				drawing.alternate = final == 'h'
				paints = true
			}
		}
		output = output[length:]
	}
}

// sequence reads a control sequence at the beginning of text; length 0: its end is not there.
func sequence(text []byte) (length int, final byte, parameters []byte) {
	if len(text) < 2 {
		return 0, 0, nil
	}
	if text[1] != '[' {
		return 2, 0, nil
	}
	for index := 2; index < len(text); index++ {
		if text[index] >= 0x40 && text[index] <= 0x7e {
			return index + 1, text[index], text[2:index]
		}
	}
	return 0, 0, nil
}

// IsAnswer reports whether all of what seems to be typed is the terminal's own answers to a program's questions: a
// position, a status, attributes, a colour, a mode.
func IsAnswer(typed []byte) bool {
	if len(typed) == 0 {
		return false
	}
	for len(typed) > 0 {
		length := answerLength(typed)
		if length == 0 {
			return false
		}
		typed = typed[length:]
	}
	return true
}

// answerLength is the length of the answer that text begins with, 0 if it is none.
func answerLength(text []byte) int {
	if len(text) < 3 || text[0] != 0x1b {
		return 0
	}
	if text[1] == ']' || text[1] == 'P' || text[1] == '_' {
		// Up to BEL, or to ST.
		for index := 2; index < len(text); index++ {
			if text[index] == 0x07 {
				return index + 1
			}
			if text[index] == 0x1b && index+1 < len(text) && text[index+1] == '\\' {
				return index + 2
			}
		}
		return len(text)
	}
	length, final, parameters := sequence(text)
	switch final {
	case 'R', 'n', 't':
		if len(parameters) > 0 {
			return length
		}
	case 'c', 'y', 'u':
		if len(parameters) > 0 && (parameters[0] == '?' || parameters[0] == '>') {
			return length
		}
	}
	return 0
}
