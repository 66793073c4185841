package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

type listener struct {
	Kind, Address, Path, Inode, User, Process, Command string
	Port, PID                                          int
	UID                                                *int
	StartedAt                                          int64
}

// watchPorts gives each table that the channel brings.
func (client *bridged) watchPorts(t *testing.T) <-chan []listener {
	t.Helper()
	channel, requests, err := client.OpenChannel("ports@berth.dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	tables := make(chan []listener, 100)
	go func() {
		defer close(tables)
		lines := bufio.NewScanner(channel)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var table struct{ Listeners []listener }
			if json.Unmarshal(lines.Bytes(), &table) != nil {
				return
			}
			tables <- table.Listeners
		}
	}()
	return tables
}

func await(t *testing.T, tables <-chan []listener, match func(listener) bool) listener {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case table := <-tables:
			if index := slices.IndexFunc(table, match); index >= 0 {
				return table[index]
			}
		case <-limit:
			t.Fatal("the listener was not told")
		}
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t)
	path := filepath.Join(w.base, "l.sock")
	unix, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close()
	udp, _ := net.ListenPacket("udp4", "127.0.0.1:0")
	defer udp.Close()
	client := w.connect()
	tables := client.watchPorts(t)
	mine := func(told listener) bool { return told.PID == os.Getpid() }
	first := await(t, tables, func(told listener) bool { return told.Path == path })
	if first.Kind != "unix" || !mine(first) {
		t.Fatal(first)
	}
	tables = client.watchPorts(t)
	await(t, tables, func(told listener) bool {
		return told.Kind == "udp4" && told.Port == udp.LocalAddr().(*net.UDPAddr).Port && mine(told)
	})
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		listening, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := listening.Addr().(*net.TCPAddr).Port
		told := await(t, tables, func(told listener) bool { return told.Port == port && mine(told) })
		if told.Address != listening.Addr().(*net.TCPAddr).IP.String() || told.UID == nil || *told.UID != os.Getuid() || told.StartedAt == 0 || told.Command == "" {
			t.Fatal(told)
		}
		listening.Close()
	}
	for _, table := range [][]listener{<-client.watchPorts(t)} {
		for _, told := range table {
			if told.Path == w.socket() {
				t.Fatal("the agent's own socket is in the table")
			}
		}
	}
}

func TestPortsOfOtherProcess(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python")
	}
	w := newWorkspace(t)
	client := w.connect()
	tables := client.watchPorts(t)
	server := exec.Command(python, "-c", "import socket,time; s=socket.create_server(('127.0.0.1',0)); time.sleep(30)")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { server.Process.Kill(); server.Wait() }()
	told := await(t, tables, func(told listener) bool { return told.PID == server.Process.Pid })
	if !strings.HasPrefix(told.Process, "python") || !strings.Contains(told.Command, "create_server") {
		t.Fatal(told)
	}
}

func TestPortsAreTold(t *testing.T) {
	w := newWorkspace(t)
	tables := w.connect().watchPorts(t)
	<-tables
	var times []time.Duration
	for range 20 {
		listening, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		port := listening.Addr().(*net.TCPAddr).Port
		await(t, tables, func(told listener) bool { return told.Port == port })
		times = append(times, time.Since(began))
		listening.Close()
	}
	slices.Sort(times)
	t.Logf("listen() to line: median %s, p95 %s", times[10], times[18])
	if times[18] > time.Second {
		t.Error("too slow")
	}
}

func TestIdleCost(t *testing.T) {
	w := newWorkspace(t)
	client := w.connect()
	told := w.status(client)
	measure := func(what string, bound float64) {
		before, began := worked(t, told.PID), time.Now()
		time.Sleep(4 * time.Second)
		share := float64(worked(t, told.PID)-before) / float64(time.Since(began)) * 100
		t.Logf("%s: %.2f %% of one core", what, share)
		if share > bound {
			t.Errorf("%s costs too much", what)
		}
	}
	measure("idle", 1)
	<-client.watchPorts(t)
	measure("one subscriber of ports", 3)
}

// worked is the processor time of a process, by schedstat of its threads.
func worked(t *testing.T, pid int) time.Duration {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	total := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // A thread that has just ended.
		}
		nanoseconds, _ := strconv.Atoi(strings.Fields(string(text))[0])
		total += nanoseconds
	}
	return time.Duration(total)
}
