package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"berth.dev/agent/internal/account"
	"berth.dev/agent/internal/activity"
	"berth.dev/agent/internal/place"
	"berth.dev/agent/internal/terminals"
)

// StateVariable names the environment variable with the descriptor of the state that a program before has left.
const StateVariable = place.OwnPrefix + "STATE"

const (
	// answerFirst is what the answer to the request has to get out before the connections go.
	answerFirst = 25 * time.Millisecond
	// versionTime is how long another program may take to say which it is.
	versionTime = 5 * time.Second
)

// state is what is handed over. See terminals.State for what may change in it.
type state struct {
	Folder    string
	Listener  int
	Lock      int
	Leaving   []int // processes of sessions
	Terminals []terminals.State
	Activity  activity.State
}

// upgrade checks another program and, if it is one, has it take this one's place right after the answer.
func (daemon *Daemon) upgrade(path string) bool {
	if !daemon.upgrading.CompareAndSwap(false, true) {
		return false
	}
	program, err := daemon.checkProgram(path)
	if err != nil {
		daemon.upgrading.Store(false)
		return false
	}
	time.AfterFunc(answerFirst, func() {
		// Only comes back if it did not work; then everything goes on as it was.
		daemon.replace(program, path)
		program.Close()
		daemon.upgrading.Store(false)
	})
	return true
}

// checkProgram opens an agent's program: a file that belongs to this user or root, that nobody else may write, and that
// says its revision. What was checked is what will run, whatever happens to the path.
func (daemon *Daemon) checkProgram(path string) (*os.File, error) {
	if !filepath.IsAbs(path) {
		return nil, errors.New("not an absolute path")
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	err = daemon.checkFile(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (daemon *Daemon) checkFile(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return errors.New("not a file")
	case !known || owner.Uid != 0 && int(owner.Uid) != os.Getuid():
		return errors.New("another user's")
	case info.Mode().Perm()&0o022 != 0:
		return errors.New("others may write it")
	}
	said, err := daemon.askVersion(file)
	if err != nil {
		return err
	}
	var version struct{ Revision int }
	if err := json.Unmarshal(said, &version); err != nil || version.Revision <= 0 {
		return errors.New("it does not say its revision")
	}
	return nil
}

func byDescriptor(file *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", file.Fd()) }

func (daemon *Daemon) askVersion(program *os.File) ([]byte, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	reading, writing, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	child, err := daemon.Family.Start(byDescriptor(program), []string{"berth-agent", "version"}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   account.NewEnvironment().List(),
		Files: []uintptr{null.Fd(), writing.Fd(), null.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	writing.Close()
	if err != nil {
		return nil, err
	}
	defer daemon.Family.SignalGroup(child, unix.SIGKILL)
	reading.SetReadDeadline(time.Now().Add(versionTime))
	return io.ReadAll(io.LimitReader(reading, 4096))
}

// replace runs program in place of this one, with the same process number, so that the children stay its children. It
// hands over the listening socket, the lock and the terminals; connections end with this program. It returns only on
// failure, with everything as it was.
func (daemon *Daemon) replace(program *os.File, path string) error {
	hold := daemon.hold
	hold.mutex.Lock()
	defer hold.mutex.Unlock()
	kept, descriptors, thawTerminals := daemon.Terminals.Freeze()
	defer thawTerminals()
	running, thawFamily := daemon.Family.Freeze()
	defer thawFamily()
	handed := state{Folder: daemon.Place.Folder, Terminals: kept, Lock: int(hold.lock.Fd()), Activity: daemon.Activity.State()}
	handed.Leaving = slices.DeleteFunc(running, func(pid int) bool {
		return slices.ContainsFunc(kept, func(terminal terminals.State) bool { return terminal.PID == pid })
	})
	raw, err := hold.listener.SyscallConn()
	if err != nil {
		return err
	}
	raw.Control(func(descriptor uintptr) { handed.Listener = int(descriptor) })
	left, err := writeState(handed)
	if err != nil {
		return err
	}
	defer left.Close()
	descriptors = append(descriptors, handed.Lock, handed.Listener, int(left.Fd()))
	// Nothing else may be started while these are inheritable.
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	for _, descriptor := range descriptors {
		if _, err := unix.FcntlInt(uintptr(descriptor), unix.F_SETFD, 0); err != nil {
			closeOnExec(descriptors)
			return err
		}
	}
	environment := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, StateVariable+"=") })
	environment = append(environment, StateVariable+"="+strconv.Itoa(int(left.Fd())))
	err = syscall.Exec(byDescriptor(program), []string{path, "serve", "--resume"}, environment)
	closeOnExec(descriptors)
	return err
}

func closeOnExec(descriptors []int) {
	for _, descriptor := range descriptors {
		unix.CloseOnExec(descriptor)
	}
}

func writeState(handed state) (*os.File, error) {
	text, err := json.Marshal(handed)
	if err != nil {
		return nil, err
	}
	descriptor, err := unix.MemfdCreate("berth-agent-state", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), "state")
	if _, err := file.WriteAt(text, 0); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func readState() (state, error) {
	var handed state
	number, err := strconv.Atoi(os.Getenv(StateVariable))
	os.Unsetenv(StateVariable)
	if err != nil || number < 3 {
		return handed, errors.New("there is no state to resume")
	}
	file := os.NewFile(uintptr(number), "state")
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 64<<20))
	if err != nil {
		return handed, err
	}
	if err := json.Unmarshal(text, &handed); err != nil {
		return handed, err
	}
	for _, descriptor := range handed.descriptors() {
		unix.CloseOnExec(descriptor)
	}
	return handed, nil
}

func (handed state) descriptors() []int {
	list := []int{handed.Listener, handed.Lock}
	for _, terminal := range handed.Terminals {
		if !terminal.Finished {
			list = append(list, terminal.Master)
		}
		for _, segment := range terminal.Segments {
			list = append(list, segment.Descriptor)
		}
		if terminal.Checkpoint != nil {
			list = append(list, terminal.Checkpoint.Descriptor)
		}
	}
	return list
}
