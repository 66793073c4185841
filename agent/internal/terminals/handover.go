package terminals

import (
	"os"
	"syscall"
	"time"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/pseudoterminal"
)

// State is a terminal as it is handed over to the program that takes this one's place by execve(2). A later program
// must understand the state of every earlier one: fields are added, and never change their meaning. Descriptors are
// those of this process.
type State struct {
	ID         string
	Epoch      string
	Name       string
	Command    []string
	Folder     string
	CreatedAt  int64 // unix milliseconds, as the others
	ActivityAt int64
	EndedAt    int64
	Size       pseudoterminal.Size
	PID        int
	Status     *Status // if the process has ended
	Finished   bool    // if its output has ended too; there is no Master then
	Leaving    bool
	Master     int
	End        int64
	Segments   []SegmentState
	Checkpoint *CheckpointState
	Typists    []TypistState
}

// TypistState is how much of a writer's input was typed.
type TypistState struct {
	Writer string
	Typed  int64
}

// Status is how a process ended.
type Status struct {
	Code   int
	Signal int
	Core   bool
}

// SegmentState is one piece of a log.
type SegmentState struct {
	Descriptor          int
	Base, Length, Limit int64
}

// CheckpointState is a kept checkpoint.
type CheckpointState struct {
	Descriptor int
	Shape      CheckpointShape
}

// Freeze holds everything as it is until thaw is called: nothing is read, started or told. descriptors are those of the
// states.
func (all *Terminals) Freeze() (states []State, descriptors []int, thaw func()) {
	all.mutex.Lock()
	frozen := sorted(all.table)
	for _, terminal := range frozen {
		terminal.mutex.Lock()
		state, used := terminal.state()
		states = append(states, state)
		descriptors = append(descriptors, used...)
	}
	return states, descriptors, func() {
		for _, terminal := range frozen {
			terminal.mutex.Unlock()
		}
		all.mutex.Unlock()
	}
}

// state is only right as long as neither the terminal nor the family changes. The mutex is held.
func (terminal *terminal) state() (state State, descriptors []int) {
	state = State{
		ID:         terminal.id,
		Epoch:      terminal.epoch,
		Name:       terminal.name,
		Command:    terminal.command,
		Folder:     terminal.folder,
		CreatedAt:  terminal.createdAt.UnixMilli(),
		ActivityAt: terminal.activityAt.UnixMilli(),
		Size:       terminal.size,
		PID:        terminal.child.PID,
		Finished:   terminal.exit != nil,
		Leaving:    terminal.leaving,
		End:        terminal.log.end,
	}
	switch {
	case terminal.exit != nil:
		state.Status, state.EndedAt = statusState(*terminal.exit), terminal.endedAt.UnixMilli()
	case terminal.child.HasEnded():
		state.Status = statusState(terminal.child.Status())
	}
	if !state.Finished {
		terminal.master.Descriptor(func(descriptor int) { state.Master = descriptor })
		descriptors = append(descriptors, state.Master)
	}
	for _, segment := range terminal.log.segments {
		descriptor := int(segment.file.Fd())
		state.Segments = append(state.Segments, SegmentState{descriptor, segment.base, segment.length, segment.limit})
		descriptors = append(descriptors, descriptor)
	}
	if kept := terminal.checkpoint; kept != nil {
		state.Checkpoint = &CheckpointState{int(kept.file.Fd()), kept.shape}
		descriptors = append(descriptors, state.Checkpoint.Descriptor)
	}
	for _, typist := range terminal.typists {
		state.Typists = append(state.Typists, TypistState{typist.writer, typist.typed})
	}
	return state, descriptors
}

func statusState(status children.Status) *Status {
	return &Status{Code: status.Code, Signal: int(status.Signal), Core: status.Core}
}

// Restore takes over the terminals of the program before.
func (all *Terminals) Restore(states []State) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	for _, state := range states {
		all.restore(state)
	}
}

func (all *Terminals) restore(state State) {
	made := all.newTerminal(state.ID, state.Epoch)
	made.name, made.command, made.folder, made.size = state.Name, state.Command, state.Folder, state.Size
	made.createdAt, made.activityAt = time.UnixMilli(state.CreatedAt), time.UnixMilli(state.ActivityAt)
	made.leaving = state.Leaving
	made.log.end = state.End
	for _, kept := range state.Segments {
		file := os.NewFile(uintptr(kept.Descriptor), "log")
		made.log.segments = append(made.log.segments, &segment{file, kept.Base, kept.Length, kept.Limit})
	}
	if kept := state.Checkpoint; kept != nil {
		file := os.NewFile(uintptr(kept.Descriptor), "checkpoint")
		made.checkpoint = &checkpoint{shape: kept.Shape, file: file, uses: 1}
	}
	for _, told := range state.Typists {
		made.typists = append(made.typists, &typist{writer: told.Writer, typed: told.Typed})
	}
	all.table[made.id] = made
	var status *children.Status
	if state.Status != nil {
		status = &children.Status{Code: state.Status.Code, Signal: syscall.Signal(state.Status.Signal), Core: state.Status.Core}
	}
	if status != nil {
		made.child = children.Ended(state.PID, *status)
	} else {
		made.child = all.family.Adopt(state.PID)
	}
	if state.Finished && status != nil {
		made.exit, made.endedAt = status, time.UnixMilli(state.EndedAt)
		return
	}
	master, err := pseudoterminal.FromDescriptor(state.Master)
	if err != nil {
		delete(all.table, made.id)
		made.log.close()
		made.checkpoint.close()
		return
	}
	made.master = master
	all.running++
	go made.pump(func() { all.ended(made) })
	if made.leaving {
		all.leave(made)
	}
}
