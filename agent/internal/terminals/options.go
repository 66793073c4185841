package terminals

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Problem is what a client is told in one word, with a message for people where there is one.
type Problem struct {
	Code    string
	Message string
}

func (problem *Problem) Error() string {
	if problem.Message == "" {
		return problem.Code
	}
	return problem.Code + ": " + problem.Message
}

// Problems without anything to add.
var (
	ErrNoTerminal = &Problem{Code: "no-terminal"}
	ErrTooMany    = &Problem{Code: "too-many"}
	ErrRunning    = &Problem{Code: "running"}
)

// Options is the extra data of terminal@berth.dev.
type Options struct {
	ID     string  `json:"id"`
	Create *Create `json:"create"`
	From   *From   `json:"from"`
	Role   string  `json:"role"` // write or watch
	Writer string  `json:"writer"`
}

// Create says what to run if there is no terminal of that name yet.
type Create struct {
	Command []string          `json:"command"`
	Folder  string            `json:"cwd"`
	Env     map[string]string `json:"env"`
	Columns int               `json:"columns"`
	Rows    int               `json:"rows"`
	Name    string            `json:"name"`
	Term    string            `json:"term"`
}

// From is up to where a client has the output.
type From struct {
	Epoch  string `json:"epoch"`
	Offset int64  `json:"offset"`
}

// Bounds of texts, in bytes.
const (
	maximumID   = 64
	maximumName = 256
)

// ParseOptions reads the extra data of terminal@berth.dev.
func ParseOptions(text string) (Options, error) {
	var options Options
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return options, &Problem{"malformed", err.Error()}
	}
	if !validID(options.ID) {
		return options, &Problem{"malformed", "id"}
	}
	if options.Role != "write" && options.Role != "watch" {
		return options, &Problem{"malformed", "role"}
	}
	if options.Writer != "" && !validID(options.Writer) {
		return options, &Problem{"malformed", "writer"}
	}
	if options.From != nil && options.From.Offset < 0 {
		return options, &Problem{"malformed", "from"}
	}
	return options, nil
}

func validID(id string) bool {
	if id == "" || len(id) > maximumID {
		return false
	}
	for _, character := range []byte(id) {
		switch {
		case character >= 'a' && character <= 'z', character >= 'A' && character <= 'Z',
			character >= '0' && character <= '9', character == '-':
		default:
			return false
		}
	}
	return true
}

// header is the line that begins what an attached client gets.
type header struct {
	Epoch    string           `json:"epoch"`
	Start    int64            `json:"start"`
	End      int64            `json:"end"`
	Columns  int              `json:"columns"`
	Rows     int              `json:"rows"`
	Snapshot *CheckpointShape `json:"snapshot"`
	Lost     bool             `json:"lost"`
	Typed    *int64           `json:"typed,omitempty"`
}

// CheckpointShape says what a checkpoint is of: the screen after the output before Offset.
type CheckpointShape struct {
	Offset  int64 `json:"offset"`
	Size    int64 `json:"size"` // of the checkpoint, in bytes
	Columns int   `json:"columns"`
	Rows    int   `json:"rows"`
}

// CheckpointOptions is the extra data of checkpoint@berth.dev.
type CheckpointOptions struct {
	ID    string `json:"id"`
	Epoch string `json:"epoch"`
	CheckpointShape
}

// MaximumCheckpoint is the most a checkpoint may have, in bytes.
const MaximumCheckpoint = 4 << 20

// ParseCheckpoint reads the extra data of checkpoint@berth.dev.
func ParseCheckpoint(text string) (CheckpointOptions, error) {
	var options CheckpointOptions
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return options, &Problem{"malformed", err.Error()}
	}
	if options.Size < 0 || options.Offset < 0 || options.Columns < 0 || options.Rows < 0 {
		return options, &Problem{"malformed", "a negative number"}
	}
	if options.Size > MaximumCheckpoint {
		return options, &Problem{"too-long", fmt.Sprintf("at most %d bytes", MaximumCheckpoint)}
	}
	return options, nil
}

// ProblemOf is the text a client is told.
func ProblemOf(err error) string {
	var problem *Problem
	if errors.As(err, &problem) {
		return problem.Error()
	}
	return "failed: " + err.Error()
}
