package terminals

import (
	"cmp"
	"crypto/rand"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/children"
)

// Bounds of how many there are.
const (
	maximumRunning = 64
	maximumEnded   = 32
)

// Terminals is all terminals of a daemon. Its mutex is taken before that of a terminal, never after.
type Terminals struct {
	folder   string
	family   *children.Family
	activity *activity.Recorder

	mutex   sync.Mutex
	table   map[string]*terminal
	running int

	lister   lister
	watched  atomic.Int32
	touching chan struct{}
}

// New makes an empty table; logs are kept in folder.
func New(folder string, family *children.Family, recorder *activity.Recorder) *Terminals {
	return &Terminals{
		folder:   folder,
		family:   family,
		activity: recorder,
		table:    map[string]*terminal{},
		touching: make(chan struct{}, 1),
	}
}

// Running is how many have not ended.
func (all *Terminals) Running() int {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	return all.running
}

// touch has the list told anew, if somebody listens.
func (all *Terminals) touch() {
	if all.watched.Load() == 0 {
		return
	}
	select {
	case all.touching <- struct{}{}:
	default:
	}
}

func (all *Terminals) find(id string) *terminal {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	return all.table[id]
}

// Attach finds the terminal, or makes it if that is wanted and there is none of that name. The error is a Problem.
func (all *Terminals) Attach(options Options) (*Attachment, error) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	found := all.table[options.ID]
	if found == nil {
		if options.Create == nil {
			return nil, ErrNoTerminal
		}
		if all.running >= maximumRunning {
			return nil, ErrTooMany
		}
		made, err := all.create(options.ID, *options.Create)
		if err != nil {
			return nil, err
		}
		found = made
	}
	return found.attach(options), nil
}

func (all *Terminals) create(id string, wanted Create) (*terminal, error) {
	made := all.newTerminal(id, rand.Text())
	made.createdAt = time.Now()
	made.activityAt = made.createdAt
	made.name = wanted.Name[:min(len(wanted.Name), maximumName)]
	if err := all.start(made, wanted); err != nil {
		return nil, err
	}
	all.table[id] = made
	all.running++
	go made.pump(func() { all.ended(made) })
	all.touch()
	return made, nil
}

func (all *Terminals) newTerminal(id, epoch string) *terminal {
	made := &terminal{
		id:       id,
		epoch:    epoch,
		family:   all.family,
		activity: all.activity,
		touched:  all.touch,
		log:      outputLog{folder: all.folder},
		attached: map[*Attachment]struct{}{},
	}
	made.condition = sync.NewCond(&made.mutex)
	return made
}

// ended keeps the terminal for a later attach, and forgets the oldest of those that have ended.
func (all *Terminals) ended(terminal *terminal) {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	all.running--
	if terminal.leaving {
		all.forget(terminal)
	}
	all.trim()
	all.touch()
}

// trim forgets the oldest of those that have ended, if they are too many. The mutex is held.
func (all *Terminals) trim() {
	var ended []*terminal
	for _, each := range all.table {
		if each.hasEnded() {
			ended = append(ended, each)
		}
	}
	slices.SortFunc(ended, func(left, right *terminal) int { return left.endedAt.Compare(right.endedAt) })
	for len(ended) > maximumEnded {
		all.forget(ended[0])
		ended = ended[1:]
	}
}

func (terminal *terminal) hasEnded() bool {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	return terminal.exit != nil
}

// forget takes a terminal out of the table. The mutex is held.
func (all *Terminals) forget(terminal *terminal) {
	delete(all.table, terminal.id)
	terminal.mutex.Lock()
	terminal.forget()
	terminal.mutex.Unlock()
}

// Rename gives a terminal a name for people.
func (all *Terminals) Rename(id, name string) error {
	terminal := all.find(id)
	if terminal == nil {
		return ErrNoTerminal
	}
	if len(name) > maximumName {
		return &Problem{Code: "too-long"}
	}
	terminal.mutex.Lock()
	terminal.name = name
	terminal.mutex.Unlock()
	all.touch()
	return nil
}

// Signal sends the signal of that name (without SIG) to the foreground process group.
func (all *Terminals) Signal(id, name string) error {
	terminal := all.find(id)
	if terminal == nil {
		return ErrNoTerminal
	}
	number := unix.SignalNum("SIG" + name)
	if number == 0 {
		return &Problem{"malformed", "signal"}
	}
	return terminal.signal(number)
}

// End hangs up, then ends by force; the terminal is forgotten when it has ended.
func (all *Terminals) End(id string) error {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	terminal := all.table[id]
	if terminal == nil {
		return ErrNoTerminal
	}
	if terminal.hasEnded() {
		all.forget(terminal)
		all.touch()
		return nil
	}
	terminal.leaving = true
	all.leave(terminal)
	return nil
}

func (all *Terminals) leave(terminal *terminal) {
	if group := terminal.master.Foreground(); group > 1 && group != terminal.child.PID {
		all.family.LeaveGroup(group)
	}
	all.family.Leave(terminal.child)
}

// Forget lets go of a terminal that has ended.
func (all *Terminals) Forget(id string) error {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	terminal := all.table[id]
	switch {
	case terminal == nil:
		return ErrNoTerminal
	case !terminal.hasEnded():
		return ErrRunning
	}
	all.forget(terminal)
	all.touch()
	return nil
}

// HangUp tells all processes that the daemon ends.
func (all *Terminals) HangUp() {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	for _, terminal := range all.table {
		if !terminal.hasEnded() {
			all.leave(terminal)
		}
	}
}

func sorted(table map[string]*terminal) []*terminal {
	list := make([]*terminal, 0, len(table))
	for _, terminal := range table {
		list = append(list, terminal)
	}
	slices.SortFunc(list, func(left, right *terminal) int {
		return cmp.Or(left.createdAt.Compare(right.createdAt), cmp.Compare(left.id, right.id))
	})
	return list
}
