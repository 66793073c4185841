package terminals

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/children"
	"berth.dev/agent/internal/feed"
	"berth.dev/agent/internal/processes"
)

// How often the list is told, and foreground processes are looked at: not at all where nothing has happened lately,
// but for a look now and then.
const (
	shortestPause = 250 * time.Millisecond
	lookEvery     = time.Second
	activeFor     = 5 * time.Second
	lookAnyway    = 10 * time.Second
)

// lister tells the list while somebody subscribes.
type lister struct {
	mutex       sync.Mutex
	subscribers int
	stop        chan struct{}
	feed        *feed.Feed
}

// Subscribe gives the feed of the list, and the function that ends the subscription.
func (all *Terminals) Subscribe() (*feed.Feed, func()) {
	lister := &all.lister
	lister.mutex.Lock()
	defer lister.mutex.Unlock()
	lister.subscribers++
	all.watched.Store(int32(lister.subscribers))
	if lister.subscribers == 1 {
		lister.stop, lister.feed = make(chan struct{}), &feed.Feed{}
		go all.tell(lister.feed, lister.stop)
	}
	return lister.feed, sync.OnceFunc(func() {
		lister.mutex.Lock()
		defer lister.mutex.Unlock()
		lister.subscribers--
		all.watched.Store(int32(lister.subscribers))
		if lister.subscribers == 0 {
			close(lister.stop)
		}
	})
}

func (all *Terminals) tell(feed *feed.Feed, stop <-chan struct{}) {
	looks := map[*terminal]*look{}
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	touched, touchedAt := true, time.Now()
	for {
		if all.look(looks) || touched {
			feed.Publish(all.list(looks))
			select {
			case <-stop:
				return
			case <-time.After(shortestPause):
			}
		}
		touched = false
		if time.Since(touchedAt) < activeFor+lookEvery {
			timer.Reset(lookEvery)
		} else {
			timer.Reset(lookAnyway)
		}
		select {
		case <-stop:
			return
		case <-timer.C:
		case <-all.touching:
			touched, touchedAt = true, time.Now()
		}
	}
}

// look is what was last seen of a terminal's foreground.
type look struct {
	at         time.Time
	foreground *foreground
}

type foreground struct {
	PID     int    `json:"pid"`
	Process string `json:"process"`
	Command string `json:"command"`
}

// look looks at the terminals where something may have changed, each at most once a second, and reports whether it has.
func (all *Terminals) look(looks map[*terminal]*look) bool {
	all.mutex.Lock()
	list := sorted(all.table)
	all.mutex.Unlock()
	present, changed, now := map[*terminal]bool{}, false, time.Now()
	for _, terminal := range list {
		present[terminal] = true
		last := looks[terminal]
		if last == nil {
			last = &look{}
			looks[terminal] = last
		}
		if terminal.lookDue(last.at, now) {
			last.at = now
			changed = terminal.look(last) || changed
		}
	}
	for terminal := range looks {
		if !present[terminal] {
			delete(looks, terminal)
		}
	}
	return changed
}

func (terminal *terminal) lookDue(last, now time.Time) bool {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	since := now.Sub(last)
	return terminal.exit == nil && since >= lookEvery && (now.Sub(terminal.activityAt) < activeFor || since >= lookAnyway/2)
}

func (terminal *terminal) look(last *look) (changed bool) {
	pid := terminal.master.Foreground()
	var seen *foreground
	if pid > 1 {
		if name := processes.Name(pid); name != "" {
			seen = &foreground{PID: pid, Process: name, Command: strings.Join(processes.Command(pid), " ")}
		}
	}
	folder := ""
	if seen != nil {
		folder = processes.Folder(pid)
	}
	if folder == "" {
		folder = processes.Folder(terminal.child.PID)
	}
	changed = (seen == nil) != (last.foreground == nil) || seen != nil && *seen != *last.foreground
	last.foreground = seen
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	if folder != "" && folder != terminal.folder {
		terminal.folder = folder
		changed = true
	}
	return changed
}

// entry is one terminal of the list.
type entry struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	Epoch      string      `json:"epoch"`
	CreatedAt  int64       `json:"createdAt"`
	PID        int         `json:"pid"`
	Command    []string    `json:"command"`
	Folder     string      `json:"cwd"`
	Columns    int         `json:"columns"`
	Rows       int         `json:"rows"`
	End        int64       `json:"end"`
	Attached   int         `json:"attached"`
	Writers    int         `json:"writers"`
	Foreground *foreground `json:"foreground"`
	Exit       *exit       `json:"exit"`
	ActivityAt int64       `json:"activityAt"`
}

// exit has one of the two.
type exit struct {
	Code   *int   `json:"code,omitempty"`
	Signal string `json:"signal,omitempty"`
}

func exitOf(status *children.Status) *exit {
	switch {
	case status == nil:
		return nil
	case status.Signal != 0:
		return &exit{Signal: strings.TrimPrefix(unix.SignalName(status.Signal), "SIG")}
	}
	return &exit{Code: &status.Code}
}

func (all *Terminals) list(looks map[*terminal]*look) []byte {
	all.mutex.Lock()
	defer all.mutex.Unlock()
	whole := struct {
		Terminals []entry `json:"terminals"`
	}{[]entry{}}
	for _, terminal := range sorted(all.table) {
		told := terminal.entry()
		if last := looks[terminal]; last != nil && told.Exit == nil {
			told.Foreground = last.foreground
		}
		whole.Terminals = append(whole.Terminals, told)
	}
	text, _ := json.Marshal(whole)
	return append(text, '\n')
}

func (terminal *terminal) entry() entry {
	terminal.mutex.Lock()
	defer terminal.mutex.Unlock()
	told := entry{
		ID:         terminal.id,
		Name:       terminal.name,
		Epoch:      terminal.epoch,
		CreatedAt:  terminal.createdAt.UnixMilli(),
		PID:        terminal.child.PID,
		Command:    terminal.command,
		Folder:     terminal.folder,
		Columns:    terminal.size.Columns,
		Rows:       terminal.size.Rows,
		End:        terminal.log.end,
		Attached:   len(terminal.attached),
		Exit:       exitOf(terminal.exit),
		ActivityAt: terminal.activityAt.UnixMilli(),
	}
	for attachment := range terminal.attached {
		if attachment.writes {
			told.Writers++
		}
	}
	return told
}
