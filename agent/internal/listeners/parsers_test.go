package listeners

import (
	"encoding/binary"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const tcpTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000000000000000 100 0 0 10 0
`

const unixTable = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 815 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 816 @abstract
0000000000000000: 00000003 00000000 00000000 0001 03 817 /run/connected.sock
`

func TestTables(t *testing.T) {
	list := parseInet(strings.NewReader(tcpTable), "tcp4", listenText, nil)
	if len(list) != 1 || list[0] != (found{"tcp4", netip.MustParseAddr("127.0.0.1"), 8080, "", 4711, 1000}) {
		t.Fatal(list)
	}
	if address, port, ok := parseAddress("00000000000000000000000001000000:0050"); address.String() != "::1" || port != 80 || !ok {
		t.Fatal(address, port, ok)
	}
	list = parseUnix(strings.NewReader(unixTable), nil)
	if len(list) != 1 || list[0] != (found{"unix", netip.Addr{}, 0, "/run/a b.sock", 815, -1}) {
		t.Fatal(list)
	}
}

// netlinkMessage is one answer about a socket on 127.0.0.1:8080.
func netlinkMessage() []byte {
	message := make([]byte, headerSize+answerSize)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	binary.NativeEndian.PutUint16(message[4:], getSockets)
	body := message[headerSize:]
	body[0], body[1] = unix.AF_INET, stateListen
	binary.BigEndian.PutUint16(body[4:], 8080)
	copy(body[8:], []byte{127, 0, 0, 1})
	binary.NativeEndian.PutUint32(body[64:], 1000)
	binary.NativeEndian.PutUint32(body[68:], 4711)
	return message
}

func TestNetlinkAgreesWithTables(t *testing.T) {
	list, done, err := parseAnswers(netlinkMessage(), nil)
	if len(list) != 1 || list[0] != (found{"tcp4", netip.MustParseAddr("127.0.0.1"), 8080, "", 4711, 1000}) || done || err != nil {
		t.Fatal(list, done, err)
	}
}

func FuzzNetlink(f *testing.F) {
	f.Add(netlinkMessage())
	f.Add([]byte{16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Add([]byte{17, 0, 0, 0, getSockets, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) { parseAnswers(data, nil) })
}

func FuzzTables(f *testing.F) {
	f.Add(tcpTable)
	f.Add(unixTable)
	f.Add("socket:[123]")
	f.Fuzz(func(t *testing.T, text string) {
		parseInet(strings.NewReader(text), "tcp6", listenText, nil)
		parseUnix(strings.NewReader(text), nil)
		parseAddress(text)
		socketInode(text)
	})
}

func TestTableIsBounded(t *testing.T) {
	text := string(line(make([]Listener, maximumEntries+1)))
	if !strings.Contains(text, `"truncated":true`) || strings.Count(text, `"kind"`) != maximumEntries {
		t.Fatal(len(text))
	}
	if string(line(nil)) != "{\"listeners\":[]}\n" {
		t.Fatal(string(line(nil)))
	}
}

func TestKernelAgreesWithItself(t *testing.T) {
	for kind, address := range map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"} {
		t.Run(kind, func(t *testing.T) {
			listening, err := net.Listen("tcp", address)
			if err != nil {
				t.Skip(err)
			}
			defer listening.Close()
			asked, err := openDiagnosis()
			if err != nil {
				t.Skip(err)
			}
			defer asked.close()
			port := listening.Addr().(*net.TCPAddr).Port
			mine := func(each found) bool { return each.port == port && each.kind == kind }
			told, err := asked.listening(nil)
			if err != nil {
				t.Skip(err)
			}
			read := tcpTables(nil)
			first, second := slices.IndexFunc(told, mine), slices.IndexFunc(read, mine)
			if first < 0 || second < 0 || told[first] != read[second] {
				t.Fatal(told, read)
			}
		})
	}
}

func TestOthersComeAndGo(t *testing.T) {
	read := others{}
	path := filepath.Join(t.TempDir(), "a.sock")
	tells := func() bool {
		return slices.ContainsFunc(read.read(), func(one found) bool { return one.kind == "unix" && one.path == path })
	}
	if tells() {
		t.Fatal("told before it is there")
	}
	listening, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if !tells() || !tells() {
		t.Fatal("not told")
	}
	listening.Close()
	if tells() {
		t.Fatal("told when it is gone")
	}
}

func TestPace(t *testing.T) {
	paces := map[string]*pace{"of the kernel": newPace(), "of Go": {stop: make(chan struct{})}}
	for name, pace := range paces {
		for range 3 {
			began := time.Now()
			if !pace.wait(20 * time.Millisecond) {
				t.Fatal(name, "ended by itself")
			}
			if took := time.Since(began); took < 20*time.Millisecond {
				t.Fatal(name, "rang after", took)
			}
		}
		over := make(chan bool)
		go func() { over <- pace.wait(time.Hour) }()
		pace.end()
		if <-over || pace.wait(0) {
			t.Fatal(name, "goes on after its end")
		}
	}
}
