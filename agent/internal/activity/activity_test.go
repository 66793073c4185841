package activity

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestPictures(t *testing.T) {
	for name, each := range map[string]struct {
		output []string
		last   bool // whether the last piece is a picture's
	}{
		"lines":             {[]string{"one\r\ntwo\r\n"}, false},
		"colours":           {[]string{"\x1b[32mok\x1b[0m\r\n"}, false},
		"a progress bar":    {[]string{"\r[####  ]\x1b[K"}, false},
		"several bars":      {[]string{"\x1b[2A\x1b[Kone\r\n\x1b[Ktwo\r\n"}, false},
		"a title":           {[]string{"\x1b]0;H\x07text"}, false},
		"top":               {[]string{"\x1b[H\x1b[2J top - 12:00"}, true},
		"a place":           {[]string{"\x1b[24;80H12:00"}, true},
		"an alternate one":  {[]string{"\x1b[?1049h", "plain text"}, true},
		"after it":          {[]string{"\x1b[?1049h", "\x1b[?1049l", "plain text"}, false},
		"a cut sequence":    {[]string{"text\x1b[2", "4;80H12:00"}, true},
		"cut in many":       {[]string{"\x1b", "[", "?", "10", "49", "h", "text"}, true},
		"not a sequence":    {[]string{"\x1b[" + strings.Repeat("1", 100)}, false},
		"a byte at a time":  {[]string{"\x1b", "c", "text"}, false},
		"another mode":      {[]string{"\x1b[?25l", "text"}, false},
		"an escape and end": {[]string{"text\x1b"}, false},
	} {
		drawing, paints, now := Drawing{}, false, time.Now()
		for _, piece := range each.output {
			now = now.Add(2 * time.Second)
			paints = drawing.Paints([]byte(piece), now)
		}
		if paints != each.last {
			t.Errorf("%s: %v", name, paints)
		}
	}
}

func TestOnePictureInPieces(t *testing.T) {
	var drawing Drawing
	now := time.Now()
	if !drawing.Paints([]byte("\x1b[Htop"), now) || !drawing.Paints([]byte("the rest of it"), now.Add(time.Millisecond)) {
		t.Fatal("the second piece")
	}
	if drawing.Paints([]byte("a line"), now.Add(3*time.Second)) {
		t.Fatal("something else")
	}
}

func TestDrawnAnew(t *testing.T) {
	var drawing Drawing
	now := time.Now()
	drawing.Resized(now)
	if !drawing.Paints([]byte("\r$ "), now.Add(time.Millisecond)) || drawing.Paints([]byte("a line"), now.Add(2*time.Second)) {
		t.Fatal("after another size")
	}
}

func FuzzPictures(f *testing.F) {
	f.Add([]byte("\x1b[?1049htext\x1b[1;1H"), 3)
	f.Fuzz(func(_ *testing.T, output []byte, at int) {
		var drawing Drawing
		at = min(max(at, 0), len(output))
		drawing.Paints(output[:at], time.Now())
		drawing.Paints(output[at:], time.Now())
		IsAnswer(output)
	})
}

func TestAnswers(t *testing.T) {
	for text, answer := range map[string]bool{
		"a": false, "\x1b": false, "\x1b[A": false, "\x1b[1;5C": false, "\x1bOP": false, "\x1b[5~": false, "\x1b[I": false,
		"\x1b[24;80R": true, "\x1b[?62;22c": true, "\x1b[>0;276;0c": true, "\x1b[0n": true, "\x1b]11;rgb:0/0/0\x07": true,
		"\x1bP1+r\x1b\\": true, "\x1b[?1;2$y": true,
		"": false, "\x1b[1;1Rls": false, "\x1b[1;1R\x1b[0n": true, "\x1b]11;rgb:0/0/0\x1b\\x": false,
	} {
		if IsAnswer([]byte(text)) != answer {
			t.Errorf("%q", text)
		}
	}
}

func TestPrompts(t *testing.T) {
	for text, prompt := range map[string]bool{
		"-bash": true, "/bin/zsh -l": true, "bash --norc -i": true, "htop": false, "sh -c sleep": false, "bash run.sh": false, "": false,
	} {
		if IsPrompt(strings.Fields(text)) != prompt {
			t.Errorf("%q", text)
		}
	}
}

func TestConnections(t *testing.T) {
	now, meter := time.Now(), Meter{}
	count := func(bytes int, fromClient bool, later time.Duration, counts bool) {
		t.Helper()
		now = now.Add(later)
		if meter.counts(bytes, fromClient, now) != counts {
			t.Errorf("%d bytes after %s", bytes, later)
		}
	}
	count(100, false, 0, false) // A server that speaks first, to nobody.
	count(1, true, time.Second, true)
	for range 100 {
		count(20, true, 5*time.Second, false) // Signs of life.
		count(20, false, 0, false)
	}
	count(4096, false, time.Minute, true)
	count(10, false, 20*time.Second, false)
	var none *Meter
	none.Carried(1, true)
}

func TestPolicy(t *testing.T) {
	recorder := New()
	now := recorder.lastAt
	over := func(after time.Duration) bool {
		_, _, over := recorder.isOver(now.Add(after))
		return over
	}
	if over(time.Hour) {
		t.Fatal("without a policy")
	}
	if recorder.SetPolicy(&Policy{After: 1000, End: true}) {
		t.Fatal("a second is no time to be idle for")
	}
	policy := Policy{After: 30 * 60_000, End: true}
	recorder.SetPolicy(&policy)
	if over(29*time.Minute) || !over(30*time.Minute) {
		t.Fatal("not at its time")
	}
	_, unsubscribe := recorder.Subscribe()
	if !over(time.Hour) {
		t.Fatal("because somebody looks on")
	}
	unsubscribe()
	end := recorder.Attend()
	if over(time.Hour) {
		t.Fatal("although a client attends, which does it better")
	}
	end()
	end()
	policy.KeepUntil = now.Add(time.Hour).UnixMilli()
	recorder.SetPolicy(&policy)
	if over(59*time.Minute) || !over(61*time.Minute) {
		t.Fatal("kept")
	}
	recorder.mark(Input, "bash", now.Add(2*time.Hour))
	if over(2*time.Hour+time.Minute) || !over(3*time.Hour) {
		t.Fatal("after something was done")
	}
	recorder.SetPolicy(&Policy{After: 60_000})
	if over(4 * time.Hour) {
		t.Fatal("without consent")
	}
}

func TestEndsOnlyWhatItMay(t *testing.T) {
	recorder := New()
	recorder.SetPolicy(&Policy{After: 60_000, End: true})
	ended := 0
	recorder.End = func(Policy, Mark) { ended++ }
	recorder.Cannot = func() string { return otherUser }
	later := recorder.lastAt.Add(time.Hour)
	// A look counts what runs on this machine.
	recorder.processor.after, recorder.processor.used = later.Add(time.Hour), map[int]time.Duration{}
	recorder.look(later)
	if ended != 0 {
		t.Fatal("it may not")
	}
	recorder.Cannot = func() string { return "" }
	recorder.look(later)
	if ended != 1 {
		t.Fatal(ended)
	}
}

func TestThisMachineIsNotEnded(t *testing.T) {
	if CannotEnd() == "" {
		t.Fatal("process 1 of this machine would be ended")
	}
}

func TestBusyProcess(t *testing.T) {
	var processor processor
	now := time.Now()
	processor.look(now)
	busy := exec.Command("/bin/sh", "-c", "while :; do :; done")
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { busy.Process.Kill(); busy.Wait() }()
	// A look misses what another process of this machine has used that ends just then: the next one does not.
	for limit := now.Add(50 * time.Second); ; {
		// Half a second's worth of work, however long this machine takes for it.
		for enough := usedBy(busy.Process.Pid) + 500*time.Millisecond; usedBy(busy.Process.Pid) < enough; {
			time.Sleep(20 * time.Millisecond)
		}
		processor.after, now = time.Time{}, now.Add(time.Second)
		name, isBusy := processor.look(now)
		if isBusy && name != "" {
			break
		}
		if time.Now().After(limit) {
			t.Fatal(name, isBusy)
		}
	}
	processor.forget()
	processor.look(now)
	own := processor.used[os.Getpid()]
	if own > time.Second {
		t.Fatal("its own work is counted", own)
	}
}

func usedBy(pid int) time.Duration {
	var processor processor
	processor.look(time.Now())
	return processor.used[pid]
}

func TestTold(t *testing.T) {
	recorder := New()
	if recorder.Told("", "x") || recorder.Told(strings.Repeat("x", 33), "") || recorder.Told("traffic", strings.Repeat("x", 201)) {
		t.Fatal("taken")
	}
	if !recorder.Told(Traffic, "8080") || recorder.last.Reason != Traffic || recorder.last.What != "8080" {
		t.Fatal(recorder.last)
	}
}
