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
)

const (
	// maximumFound bounds what is looked at of the kernel's tables; one more than a table holds, to know that it is too long.
	maximumFound = 4 * maximumEntries

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

// otherTables reads datagram sockets and unix sockets.
func otherTables() []found {
	list := inetTable("/proc/net/udp", "udp4", unboundTo, nil)
	list = inetTable("/proc/net/udp6", "udp6", unboundTo, list)
	file, err := os.Open("/proc/net/unix")
	if err != nil {
		return list
	}
	defer file.Close()
	return parseUnix(file, list)
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
