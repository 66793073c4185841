package activity

import (
	"sync"
	"time"
)

// A connection that somebody has left open says something now and then to stay alive. Less than this in that time does
// not count.
const (
	aliveBytes = 1 << 10
	aliveTime  = 10 * time.Second
)

// Meter decides what of a connection's bytes counts: the first that its client sends, and more than it takes to keep it
// alive. A nil meter counts nothing.
type Meter struct {
	Recorder *Recorder
	Reason   string
	What     string

	mutex sync.Mutex
	asked bool
	since time.Time
	bytes int
}

// Carried takes note of bytes that went over the connection.
func (meter *Meter) Carried(count int, fromClient bool) {
	if meter != nil && meter.counts(count, fromClient, time.Now()) {
		meter.Recorder.Note(meter.Reason, func() string { return meter.What })
	}
}

func (meter *Meter) counts(count int, fromClient bool, now time.Time) bool {
	meter.mutex.Lock()
	defer meter.mutex.Unlock()
	if fromClient && !meter.asked {
		meter.asked = true
		return true
	}
	if now.Sub(meter.since) >= aliveTime {
		meter.since, meter.bytes = now, 0
	}
	meter.bytes += count
	return meter.bytes >= aliveBytes
}
