// Package activity knows when somebody last did something in the workspace, and ends it when nobody has for too long.
package activity

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"berth.dev/agent/internal/feed"
)

// What may count.
const (
	Began     = "began"     // the agent did: of what was before it knows nothing
	Input     = "input"     // something was typed
	Output    = "output"    // a job in the foreground printed something
	Traffic   = "traffic"   // a forwarded connection carried something
	SSH       = "ssh"       // an SSH client did something
	Processor = "processor" // processes were busy
)

// Bounds of what clients may tell.
const (
	maximumReason = 32
	maximumWhat   = 200
)

const (
	// sameAgain is how soon a second mark for the same reason is not worth a look.
	sameAgain = time.Second
	// quietTime is the least time between two lines.
	quietTime = 2 * time.Second
	// lookEvery is how often processor time and the policy are looked at.
	lookEvery = 30 * time.Second
)

// Mark is the last thing that somebody did.
type Mark struct {
	Reason string `json:"reason"`
	What   string `json:"what"`
	At     int64  `json:"at"` // unix milliseconds
}

// Policy says when the workspace is to be ended. Times are in milliseconds.
type Policy struct {
	After     int64 `json:"after"`
	End       bool  `json:"end"`       // by the agent itself, while no client attends
	KeepUntil int64 `json:"keepUntil"` // unix; 0: not kept
}

// Recorder keeps the last mark and the policy.
type Recorder struct {
	// End ends the workspace; the mark is the last one. Cannot says why that is not possible, "" if it is.
	End    func(Policy, Mark)
	Cannot func() string

	recent sync.Map // *atomic.Int64 by reason: when it was last marked, in unix nanoseconds

	mutex       sync.Mutex
	last        Mark
	lastAt      time.Time
	policy      *Policy
	attending   int
	subscribers int
	stop        chan struct{}
	feed        *feed.Feed
	touching    chan struct{}
	processor   processor
}

// New begins with a mark of its own.
func New() *Recorder {
	recorder := &Recorder{End: EndWorkspace, Cannot: CannotEnd, touching: make(chan struct{}, 1)}
	recorder.mark(Began, "", time.Now())
	return recorder
}

// Due reports whether a mark for that reason would be looked at. Cheap.
func (recorder *Recorder) Due(reason string) bool {
	at, known := recorder.recent.Load(reason)
	return !known || time.Now().UnixNano()-at.(*atomic.Int64).Load() >= int64(sameAgain)
}

// DueOutput is Due for output: what comes right after input is its echo.
func (recorder *Recorder) DueOutput() bool { return recorder.Due(Input) && recorder.Due(Output) }

// Note marks that somebody does something now; what is asked only if it matters.
func (recorder *Recorder) Note(reason string, what func() string) {
	if recorder.Due(reason) {
		recorder.mark(reason, what(), time.Now())
	}
}

// Told marks what a client knows of; false if it is not a reason.
func (recorder *Recorder) Told(reason, what string) bool {
	if reason == "" || len(reason) > maximumReason || len(what) > maximumWhat {
		return false
	}
	recorder.mark(reason, what, time.Now())
	return true
}

func (recorder *Recorder) mark(reason, what string, now time.Time) {
	at, _ := recorder.recent.LoadOrStore(reason, &atomic.Int64{})
	at.(*atomic.Int64).Store(now.UnixNano())
	recorder.mutex.Lock()
	recorder.last, recorder.lastAt = Mark{reason, what, now.UnixMilli()}, now
	recorder.mutex.Unlock()
	recorder.touch()
}

func (recorder *Recorder) touch() {
	select {
	case recorder.touching <- struct{}{}:
	default:
	}
}

// SetPolicy replaces the policy; nil: never end. False if it is none.
func (recorder *Recorder) SetPolicy(policy *Policy) bool {
	if policy != nil && policy.After < time.Minute.Milliseconds() {
		return false
	}
	recorder.mutex.Lock()
	recorder.policy = policy
	recorder.mutex.Unlock()
	recorder.touch()
	return true
}

// State is what a later program goes on with.
type State struct {
	Last   Mark
	Policy *Policy
}

// State gives what there is.
func (recorder *Recorder) State() State {
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	return State{recorder.last, recorder.policy}
}

// Restore goes on with what an earlier program had.
func (recorder *Recorder) Restore(state State) {
	if state.Last.At == 0 {
		return
	}
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	recorder.last, recorder.policy = state.Last, state.Policy
	recorder.lastAt = time.UnixMilli(state.Last.At)
}

// Attend leaves it to a client to end the workspace, until the returned function is called.
func (recorder *Recorder) Attend() func() {
	add := func(number int) {
		recorder.mutex.Lock()
		defer recorder.mutex.Unlock()
		recorder.attending += number
	}
	add(1)
	return sync.OnceFunc(func() { add(-1) })
}

// Subscribe gives the feed of lines, and the function that ends the subscription.
func (recorder *Recorder) Subscribe() (*feed.Feed, func()) {
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	recorder.subscribers++
	if recorder.subscribers == 1 {
		recorder.stop, recorder.feed = make(chan struct{}), &feed.Feed{}
		go recorder.tell(recorder.feed, recorder.stop)
	}
	recorder.touch()
	return recorder.feed, sync.OnceFunc(func() {
		recorder.mutex.Lock()
		defer recorder.mutex.Unlock()
		recorder.subscribers--
		if recorder.subscribers == 0 {
			close(recorder.stop)
		}
	})
}

// tell publishes what is new, and then rests, so that who types costs next to nothing.
func (recorder *Recorder) tell(feed *feed.Feed, stop <-chan struct{}) {
	for {
		feed.Publish(recorder.line())
		select {
		case <-stop:
			return
		case <-time.After(quietTime):
		}
		select {
		case <-stop:
			return
		case <-recorder.touching:
		}
	}
}

func (recorder *Recorder) line() []byte {
	cannot := recorder.Cannot()
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	text, _ := json.Marshal(struct {
		Last   Mark    `json:"last"`
		Now    int64   `json:"now"`
		Policy *Policy `json:"policy"`
		Cannot string  `json:"cannot,omitempty"`
	}{recorder.last, time.Now().UnixMilli(), recorder.policy, cannot})
	return append(text, '\n')
}

// Watch looks at processor time and the policy until the program ends.
func (recorder *Recorder) Watch() {
	for now := range time.Tick(lookEvery) {
		recorder.look(now)
	}
}

func (recorder *Recorder) look(now time.Time) {
	recorder.mutex.Lock()
	isOfUse := recorder.subscribers > 0 || recorder.policy != nil
	recorder.mutex.Unlock()
	if !isOfUse {
		recorder.processor.forget()
		return
	}
	if name, busy := recorder.processor.look(now); busy {
		recorder.mark(Processor, name, now)
	}
	if policy, last, over := recorder.isOver(now); over && recorder.Cannot() == "" {
		recorder.End(policy, last)
	}
}

// isOver reports whether it is for the agent to end the workspace now. A client that attends does it better.
func (recorder *Recorder) isOver(now time.Time) (Policy, Mark, bool) {
	recorder.mutex.Lock()
	defer recorder.mutex.Unlock()
	policy := recorder.policy
	if policy == nil || !policy.End || recorder.attending > 0 || now.UnixMilli() < policy.KeepUntil {
		return Policy{}, Mark{}, false
	}
	// By the monotonic clock: while its machine sleeps nobody is idle.
	idle := now.Sub(recorder.lastAt)
	return *policy, recorder.last, idle >= time.Duration(policy.After)*time.Millisecond
}
