package activity

import (
	"os"
	"time"

	"berth.dev/agent/internal/processes"
)

const (
	// busyShare is the share of one processor above which processes count as busy, over the time between two looks:
	// what waits with a poll or a watcher stays well below it.
	busyShare = 0.10
	// lookRest is for how many times as long as a look took there is no other: it costs less than a thousandth.
	lookRest = 2000
	// ownName is that of the agent's daemon and bridges, which do not count.
	ownName = "berth-agent"
)

// processor compares what all processes have used. Time that a process which has ended used is counted by its parent,
// so that the sum loses nothing, and short processes count.
type processor struct {
	at    time.Time
	after time.Time
	used  map[int]time.Duration
}

func (processor *processor) forget() { processor.used = nil }

// look reports whether more was used since the last look than idling takes, and by which process most of all.
func (processor *processor) look(now time.Time) (name string, busy bool) {
	if processor.used != nil && now.Before(processor.after) {
		return "", false
	}
	began := time.Now()
	used := map[int]time.Duration{}
	var whole, before time.Duration
	for _, pid := range processes.All() {
		usage, known := processes.ReadUsage(pid)
		if !known {
			continue
		}
		total := usage.Own + usage.Children
		if pid == os.Getpid() {
			// Of what ran in sessions, and has ended.
			total = usage.Children
		} else if usage.Name == ownName {
			continue
		}
		used[pid] = total
		whole += total
	}
	most, by := time.Duration(0), 0
	for pid, total := range used {
		if more := total - processor.used[pid]; more > most {
			most, by = more, pid
		}
	}
	for _, total := range processor.used {
		before += total
	}
	first, since := processor.used == nil, now.Sub(processor.at)
	processor.used, processor.at = used, now
	processor.after = now.Add(time.Since(began) * lookRest)
	if first || since <= 0 || float64(whole-before) < busyShare*float64(since) {
		return "", false
	}
	if by == os.Getpid() {
		return "", true
	}
	return processes.Name(by), true
}
