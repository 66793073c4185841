package processes

import (
	"strconv"
	"strings"
	"time"
)

// Usage is what a process has used of processors.
type Usage struct {
	Name     string
	Parent   int
	HasEnded bool          // and is not reaped
	Own      time.Duration // of its own
	Children time.Duration // of its children that have ended and were reaped
}

// ReadUsage reads /proc/pid/stat; false if there is no such process.
func ReadUsage(pid int) (Usage, bool) {
	text, err := read(pid, "stat")
	if err != nil {
		return Usage{}, false
	}
	return usageOf(string(text))
}

// usageOf reads the name and fields 3, 4 and 14 to 17.
func usageOf(stat string) (Usage, bool) {
	begin, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return Usage{}, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 15 {
		return Usage{}, false
	}
	parent, _ := strconv.Atoi(fields[1])
	return Usage{
		Name:     stat[begin+1 : end],
		Parent:   parent,
		HasEnded: fields[0] == "Z" || fields[0] == "X",
		Own:      ticks(fields[11]) + ticks(fields[12]),
		Children: ticks(fields[13]) + ticks(fields[14]),
	}, true
}

func ticks(field string) time.Duration {
	count, err := strconv.ParseInt(field, 10, 64)
	if err != nil || count < 0 || count > 1<<40 {
		return 0
	}
	return time.Duration(count) * (time.Second / ticksPerSecond)
}
