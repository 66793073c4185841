package listeners

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Of linux/inet_diag.h and sock_diag(7).
const (
	byFamily        = 20 // SOCK_DIAG_BY_FAMILY
	headerSize      = 16 // struct nlmsghdr
	requestSize     = 56 // struct inet_diag_req_v2
	answerSize      = 72 // struct inet_diag_msg
	stateListen     = 10 // TCP_LISTEN
	replyBufferSize = 64 << 10
)

var errMalformed = errors.New("a malformed netlink message")

// diagnosis is a netlink socket that is asked for listening TCP sockets; the kernel looks at those only.
type diagnosis struct {
	descriptor int
	buffer     []byte
}

func openDiagnosis() (*diagnosis, error) {
	descriptor, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, err
	}
	limit := unix.Timeval{Sec: 1}
	if err := unix.SetsockoptTimeval(descriptor, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		unix.Close(descriptor)
		return nil, err
	}
	return &diagnosis{descriptor: descriptor, buffer: make([]byte, replyBufferSize)}, nil
}

func (diagnosis *diagnosis) close() { unix.Close(diagnosis.descriptor) }

// listening adds what listens to list. A kernel without IPv6 has nothing there.
func (diagnosis *diagnosis) listening(list []found) ([]found, error) {
	list, err := diagnosis.dump(unix.AF_INET, list)
	if err != nil {
		return list, err
	}
	list, err = diagnosis.dump(unix.AF_INET6, list)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAFNOSUPPORT) {
		err = nil
	}
	return list, err
}

func (diagnosis *diagnosis) dump(family byte, list []found) ([]found, error) {
	var request [headerSize + requestSize]byte
	native := binary.NativeEndian
	native.PutUint32(request[0:], uint32(len(request)))
	native.PutUint16(request[4:], byFamily)
	native.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request[headerSize] = family
	request[headerSize+1] = unix.IPPROTO_TCP
	native.PutUint32(request[headerSize+4:], 1<<stateListen)
	if err := unix.Sendto(diagnosis.descriptor, request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return list, err
	}
	for {
		count, _, err := unix.Recvfrom(diagnosis.descriptor, diagnosis.buffer, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return list, err
		}
		var done bool
		list, done, err = parseAnswers(diagnosis.buffer[:count], list)
		if done || err != nil {
			return list, err
		}
	}
}

// parseAnswers reads netlink(7) messages; done is set by the one that ends a dump.
func parseAnswers(data []byte, list []found) (_ []found, done bool, _ error) {
	native := binary.NativeEndian
	for len(data) >= headerSize {
		size, kind := int(native.Uint32(data)), native.Uint16(data[4:])
		if size < headerSize || size > len(data) {
			return list, false, errMalformed
		}
		body := data[headerSize:size]
		switch kind {
		case unix.NLMSG_DONE:
			return list, true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return list, false, errMalformed
			}
			if number := int32(native.Uint32(body)); number != 0 {
				return list, true, unix.Errno(-number)
			}
		case byFamily:
			if listener, ok := parseAnswer(body); ok && len(list) <= maximumFound {
				list = append(list, listener)
			}
		}
		data = data[min(len(data), (size+3)&^3):]
	}
	return list, false, nil
}

// parseAnswer reads struct inet_diag_msg; ports and addresses are in network order.
func parseAnswer(body []byte) (found, bool) {
	if len(body) < answerSize || body[1] != stateListen {
		return found{}, false
	}
	listener := found{
		port:  int(binary.BigEndian.Uint16(body[4:])),
		uid:   int(binary.NativeEndian.Uint32(body[64:])),
		inode: uint64(binary.NativeEndian.Uint32(body[68:])),
	}
	switch body[0] {
	case unix.AF_INET:
		listener.kind = "tcp4"
		listener.address = netip.AddrFrom4([4]byte(body[8:12])).String()
	case unix.AF_INET6:
		listener.kind = "tcp6"
		listener.address = netip.AddrFrom16([16]byte(body[8:24])).String()
	default:
		return found{}, false
	}
	return listener, true
}
