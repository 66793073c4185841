package test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestRaceOfBridges(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	var group sync.WaitGroup
	pids := make([]string, 6)
	for index := range pids {
		group.Go(func() {
			output, err := w.ssh("any", "ps -o ppid= -p $$").CombinedOutput()
			if err != nil {
				t.Error(err, string(output))
			}
			pids[index] = strings.TrimSpace(string(output))
		})
	}
	group.Wait()
	for _, pid := range pids {
		if pid != pids[0] || pid == "" {
			t.Fatal(pids)
		}
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	told := w.status(w.connect())
	syscall.Kill(told.PID, syscall.SIGKILL)
	within(t, patience, "the daemon's end", func() bool { return !alive(told.PID) })
	if _, err := os.Stat(w.socket()); err != nil {
		t.Fatal(err)
	}
	if again := w.status(w.connect()); again.PID == told.PID {
		t.Fatal(again)
	}
}

func TestDaemonOutlivesBridgeAndIsPrivate(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	client.bridge.Process.Kill()
	client.bridge.Wait()
	if again := w.status(w.connect()); again.PID != told.PID {
		t.Fatal(again, told)
	}
	for path, mode := range map[string]os.FileMode{w.folder(): 0o700, w.socket(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Fatal(path, info.Mode(), err)
		}
	}
}

func TestBadFolders(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(folder string) error{
		"symlink":   func(folder string) error { return os.Symlink("/tmp", folder) },
		"open mode": func(folder string) error { os.Mkdir(folder, 0o755); return os.Chmod(folder, 0o755) },
		"file":      func(folder string) error { return os.WriteFile(folder, nil, 0o600) },
	} {
		w := newWorkspace(t)
		if err := spoil(w.folder()); err != nil {
			t.Fatal(err)
		}
		bridge := exec.Command(program, "bridge")
		bridge.Env = w.environment
		var output, problem strings.Builder
		bridge.Stdout, bridge.Stderr = &output, &problem
		bridge.Run()
		if bridge.ProcessState.ExitCode() != 1 || output.Len() > 0 || strings.Count(problem.String(), "\n") != 1 {
			t.Fatal(name, bridge.ProcessState, output.String(), problem.String())
		}
	}
	w := newWorkspace(t)
	w.environment = append(w.environment, "BERTH_AGENT_FOLDER=/"+strings.Repeat("x", 120))
	bridge := exec.Command(program, "bridge")
	bridge.Env = w.environment
	if output, err := bridge.CombinedOutput(); err == nil || !strings.Contains(string(output), "no folder") {
		t.Fatal(string(output), err)
	}
}

func TestOddEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	w.environment = []string{"BERTH_AGENT_FOLDER=" + w.base}
	_, output, _, _ := w.connect().run(t, command{Command: []string{"sh", "-c", "echo $HOME $PATH; umask"}})
	if !strings.HasPrefix(output, "/") || !strings.Contains(output, "/usr/bin") || !strings.Contains(output, "0022") {
		t.Fatal(output)
	}
}

func TestUnknownUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become a user without an entry")
	}
	w := newWorkspace(t)
	for path := filepath.Dir(program); path != "/tmp" && path != "/"; path = filepath.Dir(path) {
		os.Chmod(path, 0o755)
	}
	os.Chown(w.base, 54321, 54321)
	bridge := exec.Command(program, "bridge")
	bridge.Env = []string{"BERTH_AGENT_FOLDER=" + w.base}
	bridge.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	input, _ := bridge.StdinPipe()
	output, _ := bridge.StdoutPipe()
	bridge.Stderr = os.Stderr
	if err := bridge.Start(); err != nil {
		t.Fatal(err)
	}
	defer bridge.Wait()
	greeting := make([]byte, 8)
	output.Read(greeting)
	input.Close()
	if string(greeting) != "SSH-2.0-" {
		t.Fatal(string(greeting))
	}
	socket := filepath.Join(w.base, "berth-agent-54321", "agent.sock")
	connection, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	raw, _ := connection.(*net.UnixConn).SyscallConn()
	raw.Control(func(descriptor uintptr) {
		credentials, _ := syscall.GetsockoptUcred(int(descriptor), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		syscall.Kill(int(credentials.Pid), syscall.SIGTERM)
	})
}

func TestDaemonAsFirstProcess(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	daemon := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "--kill-child", program, "serve")
	daemon.Env = w.environment
	if err := daemon.Start(); err != nil {
		t.Skip(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	defer daemon.Process.Kill()
	for connected := false; !connected; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Skip("namespaces cannot be made here:", err)
		default:
			connection, err := net.Dial("unix", w.socket())
			if connected = err == nil; connected {
				connection.Close()
			}
		}
	}
	client := w.connect()
	if told := w.status(client); told.PID != 1 {
		t.Fatal(told)
	}
	var group sync.WaitGroup
	for number := range 40 {
		group.Go(func() {
			// An orphan for each, which process 1 gets.
			line := fmt.Sprintf("(sleep 0.1 >/dev/null 2>&1 &) ; exit %d", number+1)
			if _, _, _, code := client.run(t, command{Command: []string{"sh", "-c", line}}); code != number+1 {
				t.Error(number, code)
			}
		})
	}
	group.Wait()
	within(t, patience, "the reaping of orphans", func() bool {
		_, output, _, _ := client.run(t, command{Command: []string{"sh", "-c", "cat /proc/[0-9]*/stat | grep -c ') Z '; true"}})
		return output == "0\n"
	})
}

func TestDaemonEndsItsProcesses(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	_, pid := client.started(t, "echo $$; exec sleep 60")
	terminal := client.attach(t, shellOptions("one", "sleep", "60"))
	list := client.list(t)
	list.until("the terminal", func(told []listedTerminal) bool { return len(told) == 1 })
	other := list.latest[0].PID
	w.stop()
	terminal.ended()
	if alive(pid) || alive(other) {
		t.Fatal("processes are left")
	}
	if _, err := os.Stat(w.socket()); err == nil {
		t.Fatal("the socket is left")
	}
}

func TestPlaceIsRestored(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	remove := []func() error{
		func() error { return os.RemoveAll(w.folder()) },
		func() error { return os.Remove(w.socket()) },
	}
	for _, spoil := range remove {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		within(t, noticing, "the socket", func() bool { _, err := os.Stat(w.socket()); return err == nil })
		if again := w.status(w.connect()); again.PID != told.PID {
			t.Fatal(again, told)
		}
	}
	if !client.upgrade(t, program) {
		t.Fatal("refused")
	}
	client.Wait()
	if again := w.status(w.connect()); again.PID != told.PID {
		t.Fatal(again, told)
	}
}

func TestDaemonWithoutPlaceEnds(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	if err := os.RemoveAll(w.folder()); err != nil {
		t.Fatal(err)
	}
	again := w.status(w.connect())
	if again.PID == told.PID {
		t.Skip("it was restored first")
	}
	client.Close()
	within(t, patience, "the end of the first", func() bool { return !alive(told.PID) })
	if third := w.status(w.connect()); third.PID != again.PID {
		t.Fatal(third, again)
	}
}
