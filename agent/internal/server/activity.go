package server

import (
	"bufio"
	"encoding/json"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/processes"
)

// serveActivity answers activity@berth.dev: who did what last, and what the client knows and wants.
func (client *connection) serveActivity(opening ssh.NewChannel) {
	channel, over, err := accept(opening)
	if err != nil {
		return
	}
	defer channel.Close()
	feed, end := client.daemon.Activity.Subscribe()
	defer end()
	go client.takeActivity(channel, over)
	feed.Copy(channel, over)
}

// takeActivity ends the channel at a line that is neither a mark nor a policy. A client that has told a policy attends to
// the workspace until its channel is over.
func (client *connection) takeActivity(channel ssh.Channel, over <-chan struct{}) {
	lines := bufio.NewScanner(channel)
	lines.Buffer(nil, maximumPayload)
	attends := false
	for lines.Scan() {
		isPolicy, good := client.applyActivity(lines.Bytes())
		if !good {
			channel.Close()
			return
		}
		if isPolicy && !attends {
			attends = true
			leave := client.daemon.Activity.Attend()
			go func() {
				<-over
				leave()
			}()
		}
	}
	if lines.Err() != nil {
		channel.Close()
	}
}

func (client *connection) applyActivity(line []byte) (isPolicy, good bool) {
	recorder := client.daemon.Activity
	var told map[string]json.RawMessage
	if json.Unmarshal(line, &told) != nil {
		return false, false
	}
	if text, present := told["policy"]; present {
		// null: none.
		var policy *activity.Policy
		return true, json.Unmarshal(text, &policy) == nil && recorder.SetPolicy(policy)
	}
	var mark struct{ Reason, What string }
	text, present := told["mark"]
	return false, present && json.Unmarshal(text, &mark) == nil && recorder.Told(mark.Reason, mark.What)
}

// sessionActivity marks what goes over one session: everything that is typed into a terminal, what a job prints there,
// and what flows through a program or through sftp. What Berth itself starts without a terminal does not count.
type sessionActivity struct {
	session *session
	counts  bool
	command []string
	meter   *activity.Meter
	drawing activity.Drawing
}

func (session *session) watchActivity(kind string, command []string) *sessionActivity {
	recorder := session.client.daemon.Activity
	watched := &sessionActivity{
		session: session,
		counts:  session.wanted != nil || kind != "exec@berth.dev",
		command: command,
		meter:   &activity.Meter{Recorder: recorder, Reason: activity.SSH, What: kind},
	}
	if watched.counts && kind != "exec@berth.dev" {
		recorder.Note(activity.SSH, func() string { return kind })
	}
	return watched
}

// typed takes note of the client's data.
func (watched *sessionActivity) typed(data []byte) {
	session := watched.session
	switch {
	case !watched.counts:
	case session.master == nil:
		watched.meter.Carried(len(data), true)
	case !activity.IsAnswer(data):
		session.client.daemon.Activity.Note(activity.Input, func() string { return processes.Name(session.master.Foreground()) })
	}
}

// printed takes note of output.
func (watched *sessionActivity) printed(data []byte) {
	session := watched.session
	if !watched.counts {
		return
	}
	if session.master == nil {
		watched.meter.Carried(len(data), false)
		return
	}
	recorder := session.client.daemon.Activity
	if watched.drawing.Paints(data, time.Now()) || !recorder.DueOutput() {
		return
	}
	group := session.master.Foreground()
	if group > 1 && (group != session.child.PID || !activity.IsPrompt(watched.command)) {
		recorder.Note(activity.Output, func() string { return processes.Name(group) })
	}
}

// noticing passes writes on, and takes note of them.
type noticing struct {
	destination io.Writer
	notice      func([]byte)
}

func (noticing noticing) Write(data []byte) (int, error) {
	noticing.notice(data)
	return noticing.destination.Write(data)
}

// noticingChannel is a subsystem's channel of which both directions are taken note of.
type noticingChannel struct {
	ssh.Channel
	meter *activity.Meter
}

func (channel noticingChannel) Read(buffer []byte) (int, error) {
	count, err := channel.Channel.Read(buffer)
	if count > 0 {
		channel.meter.Carried(count, true)
	}
	return count, err
}

func (channel noticingChannel) Write(data []byte) (int, error) {
	channel.meter.Carried(len(data), false)
	return channel.Channel.Write(data)
}
