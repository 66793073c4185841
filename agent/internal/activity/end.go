package activity

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/processes"
)

const (
	// idleScript is how the command begins that Berth runs as a workspace's first process: it ends at TERM.
	idleScript = `trap "exit 0" TERM INT; while :; do sleep`
	// terminationLog is what Kubernetes keeps of a container that has ended (core/v1, terminationMessagePath).
	terminationLog = "/dev/termination-log"
	// stoppedName is the file beside the agent's program that says why the agent has ended the workspace.
	stoppedName = "idle-stop.json"
	// politeTime is how long processes have to end after TERM.
	politeTime = 10 * time.Second
)

// Reasons why the agent cannot end its workspace.
const (
	otherUser  = "other-user"  // process 1 belongs to somebody else
	ownCommand = "own-command" // process 1 is not Berth's: it may do anything at TERM, or be started anew
)

// CannotEnd says why ending process 1 would not do; "" if it would.
func CannotEnd() string {
	if !isIdleCommand(1) {
		return ownCommand
	}
	if unix.Kill(1, 0) != nil {
		return otherUser
	}
	return ""
}

// isIdleCommand is also true of the engine's own small init in front of the command.
func isIdleCommand(pid int) bool {
	return slices.ContainsFunc(processes.Command(pid), func(argument string) bool {
		return strings.HasPrefix(argument, idleScript)
	})
}

// Stopped is what is left behind for whoever looks why the workspace does not run.
type Stopped struct {
	Berth string `json:"berth"` // "idle"
	At    int64  `json:"at"`    // unix milliseconds, as the others
	After int64  `json:"after"`
	Last  Mark   `json:"last"`
}

// EndWorkspace says why, asks all processes to end, waits for them for a while, and ends process 1.
func EndWorkspace(policy Policy, last Mark) {
	text, _ := json.Marshal(Stopped{"idle", time.Now().UnixMilli(), policy.After, last})
	if file, err := os.OpenFile(terminationLog, os.O_WRONLY|os.O_TRUNC, 0); err == nil {
		file.Write(text)
		file.Close()
	}
	leave(text)
	for _, pid := range others() {
		unix.Kill(pid, unix.SIGTERM)
		unix.Kill(pid, unix.SIGCONT)
	}
	for deadline := time.Now().Add(politeTime); time.Now().Before(deadline) && len(others()) > 0; {
		time.Sleep(100 * time.Millisecond)
	}
	unix.Kill(1, unix.SIGTERM)
}

// others are the processes of this user that neither are the workspace's first nor the agent's, nor wait for them.
func others() []int {
	var list []int
	for _, pid := range processes.All() {
		usage, known := processes.ReadUsage(pid)
		isAgent := pid == os.Getpid() || usage.Name == ownName
		isFirst := pid == 1 || isIdleCommand(pid) || usage.Name == "sleep" && isIdleCommand(usage.Parent)
		if known && !isFirst && !usage.HasEnded && !isAgent && unix.Kill(pid, 0) == nil {
			list = append(list, pid)
		}
	}
	return list
}

func stoppedPath() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(program), stoppedName)
}

func leave(text []byte) {
	path := stoppedPath()
	if os.WriteFile(path+".new", text, 0o600) == nil {
		os.Rename(path+".new", path)
	}
}

// ForgetStopped removes what an earlier run of the workspace has left.
func ForgetStopped() { os.Remove(stoppedPath()) }
