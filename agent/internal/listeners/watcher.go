package listeners

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"berth.dev/agent/internal/account"
	"berth.dev/agent/internal/feed"
)

// How often the tables are read: those of TCP, and the others, with a look whether owners still have their sockets.
const (
	busyInterval      = 100 * time.Millisecond
	idleInterval      = 230 * time.Millisecond
	busyTime          = 30 * time.Second
	busyOtherInterval = 2 * time.Second
	idleOtherInterval = 5 * time.Second

	// A walk over all processes takes at most one twentieth of the time, and is not put off for longer than this.
	walkRest    = 20
	longestRest = 3 * time.Second
)

// again is when a socket's owner is looked for once more, after it was not found: it may have been about to be passed
// to another process, or be another user's.
var again = []time.Duration{100 * time.Millisecond, time.Second}

// Watcher reads the tables while somebody subscribes; without subscribers it does nothing.
type Watcher struct {
	mutex       sync.Mutex
	subscribers int
	pace        *pace
	feed        *feed.Feed
}

// Subscribe gives the feed of the table, and the function that ends the subscription.
func (watcher *Watcher) Subscribe() (*feed.Feed, func()) {
	watcher.mutex.Lock()
	defer watcher.mutex.Unlock()
	watcher.subscribers++
	if watcher.subscribers == 1 {
		watcher.pace, watcher.feed = newPace(), &feed.Feed{}
		go newLook(watcher.feed).run(watcher.pace)
	}
	return watcher.feed, sync.OnceFunc(func() {
		watcher.mutex.Lock()
		defer watcher.mutex.Unlock()
		watcher.subscribers--
		if watcher.subscribers == 0 {
			watcher.pace.end()
		}
	})
}

// look is the state of one run of reading.
type look struct {
	feed      *feed.Feed
	diagnosis *diagnosis
	others    others
	othersAt  time.Time
	latest    []found // as the kernel told it, without an order
	spare     []found // a list that is no longer of use
	changedAt time.Time
	walkAfter time.Time
	sockets   map[uint64]*socket
	names     map[int]string
}

// socket is what is known about the owner of an inode.
type socket struct {
	owner  *owner
	own    bool
	tries  int
	nextAt time.Time
}

func newLook(feed *feed.Feed) *look {
	return &look{feed: feed, sockets: map[uint64]*socket{}, names: account.Names()}
}

func (look *look) run(pace *pace) {
	look.diagnosis, _ = openDiagnosis()
	defer func() {
		if look.diagnosis != nil {
			look.diagnosis.close()
		}
	}()
	look.changedAt = time.Now()
	look.read(look.changedAt)
	look.publish()
	for pace.wait(look.interval()) {
		if look.read(time.Now()) {
			look.publish()
		}
	}
}

func (look *look) interval() time.Duration {
	if look.busy(time.Now()) {
		return busyInterval
	}
	return idleInterval
}

func (look *look) otherInterval(now time.Time) time.Duration {
	if look.busy(now) {
		return busyOtherInterval
	}
	return idleOtherInterval
}

func (look *look) busy(now time.Time) bool { return now.Sub(look.changedAt) < busyTime }

// read reports whether something has changed.
func (look *look) read(now time.Time) bool {
	changed := false
	if now.Sub(look.othersAt) >= look.otherInterval(now) {
		look.others.read()
		look.othersAt = now
		changed = look.forgetLostOwners()
	}
	list := append(look.tcp(look.spare[:0]), look.others.latest...)
	look.spare = list
	if !slices.Equal(list, look.latest) {
		look.latest, look.spare, look.changedAt = list, look.latest, now
		changed = true
		look.forgetGone()
	}
	return look.findOwners(now) || changed
}

func (look *look) tcp(list []found) []found {
	if look.diagnosis != nil {
		told, err := look.diagnosis.listening(list)
		if err == nil {
			return told
		}
		look.diagnosis.close()
		look.diagnosis = nil
	}
	return tcpTables(list[:0])
}

func (look *look) forgetGone() {
	present := map[uint64]bool{}
	for _, listener := range look.latest {
		present[listener.inode] = true
	}
	for inode := range look.sockets {
		if !present[inode] {
			delete(look.sockets, inode)
		}
	}
}

// forgetLostOwners looks anew for sockets that their process has closed or left to another.
func (look *look) forgetLostOwners() bool {
	lost := false
	for inode, socket := range look.sockets {
		if socket.owner != nil && !socket.owner.holds(inode) {
			delete(look.sockets, inode)
			lost = true
		}
	}
	return lost
}

// findOwners looks for owners that are to be looked for now, and reports whether something came of it. Where a walk
// takes long, the next one waits for many times as long; new sockets are told without their owner until then.
func (look *look) findOwners(now time.Time) bool {
	var unknown map[uint64]bool
	fresh := false
	for _, listener := range look.latest {
		known := look.sockets[listener.inode]
		if known == nil {
			known = &socket{nextAt: now}
			look.sockets[listener.inode] = known
			fresh = true
		}
		if known.owner == nil && !known.own && known.tries <= len(again) && !now.Before(known.nextAt) {
			if unknown == nil {
				unknown = map[uint64]bool{}
			}
			unknown[listener.inode] = true
		}
	}
	if len(unknown) == 0 {
		return false
	}
	found := false
	if fresh {
		for inode := range ownSockets() {
			if unknown[inode] {
				look.sockets[inode].own, found = true, true
				delete(unknown, inode)
			}
		}
	}
	if len(unknown) == 0 || now.Before(look.walkAfter) {
		return found
	}
	owners := findOwners(unknown)
	took := time.Since(now)
	look.walkAfter = now.Add(min(took*walkRest, longestRest))
	for inode := range unknown {
		known := look.sockets[inode]
		known.owner = owners[inode]
		if known.tries < len(again) {
			known.nextAt = now.Add(again[known.tries])
		}
		known.tries++
	}
	return found || len(owners) > 0
}

func (look *look) publish() {
	var list []Listener
	for _, listener := range slices.SortedFunc(slices.Values(look.latest), compare) {
		known := look.sockets[listener.inode]
		if known != nil && known.own {
			continue
		}
		list = append(list, look.describe(listener, known))
	}
	look.feed.Publish(line(list))
}

func (look *look) describe(listener found, known *socket) Listener {
	described := Listener{
		Kind:  listener.kind,
		Port:  listener.port,
		Path:  listener.path,
		Inode: strconv.FormatUint(listener.inode, 10),
	}
	if listener.address.IsValid() {
		described.Address = listener.address.String()
	}
	uid := listener.uid
	if known != nil && known.owner != nil {
		owner := known.owner
		described.PID, described.Process, described.Command = owner.pid, owner.process, owner.command
		described.StartedAt = owner.startedAt
		if uid < 0 {
			uid = owner.uid
		}
	}
	if uid >= 0 {
		described.UID, described.User = &uid, look.names[uid]
	}
	return described
}
