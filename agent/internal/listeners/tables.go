package listeners

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maximumFound bounds what is looked at of the kernel's tables; one more than a table holds, to know that it is too long.
	maximumFound = 4 * maximumEntries

	// maximumText bounds what is read of a table.
	maximumText = 8 << 20

	// States of proc(5), net/tcp: TCP_LISTEN, and TCP_CLOSE for datagram sockets that are not connected.
	listenText = "0A"
	unboundTo  = "07"

	// acceptsConnections is the flag __SO_ACCEPTCON of net/unix.
	acceptsConnections = 0x10000
)

// tcpTables reads what netlink would tell, where that is refused.
func tcpTables(list []found) []found {
	list = inetTable("/proc/net/tcp", "tcp4", listenText, list)
	return inetTable("/proc/net/tcp6", "tcp6", listenText, list)
}

// others reads datagram sockets and unix sockets.
type others struct {
	buffer []byte
	texts  [3]string // of the files, as they were the last time
	latest []found
}

// read gives what there is; the list is not to be changed.
func (others *others) read() []found {
	same := true
	for index, path := range []string{"/proc/net/udp", "/proc/net/udp6", "/proc/net/unix"} {
		text := others.readFile(path)
		if string(text) != others.texts[index] {
			others.texts[index], same = string(text), false
		}
	}
	if same {
		return others.latest
	}
	list := parseInet(strings.NewReader(others.texts[0]), "udp4", unboundTo, nil)
	list = parseInet(strings.NewReader(others.texts[1]), "udp6", unboundTo, list)
	others.latest = parseUnix(strings.NewReader(others.texts[2]), list)
	return others.latest
}

// readFile reads a file that the kernel makes up, which never waits: so Go's scheduler is not told of it either. The text
// is good until the next call.
func (others *others) readFile(path string) []byte {
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return nil
	}
	here := unix.AT_FDCWD
	descriptor, _, number := syscall.RawSyscall6(
		unix.SYS_OPENAT, uintptr(here), uintptr(unsafe.Pointer(name)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0,
	)
	if number != 0 {
		return nil
	}
	defer syscall.RawSyscall(unix.SYS_CLOSE, descriptor, 0, 0)
	length := 0
	for length < maximumText {
		if length == len(others.buffer) {
			others.buffer = append(others.buffer, make([]byte, max(length, 8<<10))...)
		}
		rest := others.buffer[length:]
		count, _, number := syscall.RawSyscall(
			unix.SYS_READ, descriptor, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)),
		)
		if number != 0 || count == 0 {
			break
		}
		length += int(count)
	}
	return others.buffer[:length]
}

func inetTable(path, kind, state string, list []found) []found {
	file, err := os.Open(path)
	if err != nil {
		return list
	}
	defer file.Close()
	return parseInet(file, kind, state, list)
}

// parseInet reads net/tcp, net/udp and their like of proc(5).
func parseInet(source io.Reader, kind, state string, list []found) []found {
	lines := bufio.NewScanner(source)
	for lines.Scan() && len(list) <= maximumFound {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != state {
			continue
		}
		address, port, ok := parseAddress(fields[1])
		uid, uidErr := strconv.ParseUint(fields[7], 10, 32)
		inode, inodeErr := strconv.ParseUint(fields[9], 10, 64)
		if !ok || port == 0 || uidErr != nil || inodeErr != nil || inode == 0 {
			continue
		}
		list = append(list, found{kind: kind, address: address, port: port, inode: inode, uid: int(uid)})
	}
	return list
}

// parseAddress reads `0100007F:1F90`: words of the address in the machine's order, then the port.
func parseAddress(text string) (address netip.Addr, port int, ok bool) {
	left, right, _ := strings.Cut(text, ":")
	words, err := hex.DecodeString(left)
	number, portErr := strconv.ParseUint(right, 16, 16)
	if err != nil || portErr != nil || len(words) != 4 && len(words) != 16 {
		return netip.Addr{}, 0, false
	}
	for index := 0; index < len(words); index += 4 {
		binary.NativeEndian.PutUint32(words[index:], binary.BigEndian.Uint32(words[index:]))
	}
	address, ok = netip.AddrFromSlice(words)
	return address, int(number), ok
}

// parseUnix reads net/unix of proc(5): listening sockets with the name of a file.
func parseUnix(source io.Reader, list []found) []found {
	lines := bufio.NewScanner(source)
	for lines.Scan() && len(list) <= maximumFound {
		fields := strings.SplitN(strings.Join(strings.Fields(lines.Text()), " "), " ", 8)
		if len(fields) != 8 || !strings.HasPrefix(fields[7], "/") {
			continue
		}
		flags, flagsErr := strconv.ParseUint(fields[3], 16, 32)
		inode, inodeErr := strconv.ParseUint(fields[6], 10, 64)
		if flagsErr != nil || inodeErr != nil || flags&acceptsConnections == 0 {
			continue
		}
		list = append(list, found{kind: "unix", path: fields[7], inode: inode, uid: -1})
	}
	return list
}
