package listeners

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/inet_diag.h and sock_diag(7). The older request asks for IPv4 and IPv6 in one.
const (
	getSockets      = 18 // TCPDIAG_GETSOCK
	headerSize      = 16 // struct nlmsghdr
	requestSize     = 60 // struct inet_diag_req
	statesAt        = 52 // idiag_states of it
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

// listening adds what listens to list.
func (diagnosis *diagnosis) listening(list []found) ([]found, error) {
	var request [headerSize + requestSize]byte
	native := binary.NativeEndian
	native.PutUint32(request[0:], uint32(len(request)))
	native.PutUint16(request[4:], getSockets)
	native.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	native.PutUint32(request[headerSize+statesAt:], 1<<stateListen)
	if err := diagnosis.send(request[:]); err != nil {
		return list, err
	}
	for {
		answer, err := diagnosis.receive()
		if err != nil {
			return list, err
		}
		var done bool
		list, done, err = parseAnswers(answer, list)
		if done || err != nil {
			return list, err
		}
	}
}

// send asks the kernel, which has the beginning of its answer ready when this returns. Go's scheduler is not told of a
// call that never waits: that would wake another thread each time, which costs more than the answer.
func (diagnosis *diagnosis) send(request []byte) error {
	kernel := unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}
	_, _, number := syscall.RawSyscall6(
		unix.SYS_SENDTO,
		uintptr(diagnosis.descriptor),
		uintptr(unsafe.Pointer(&request[0])), uintptr(len(request)),
		unix.MSG_DONTWAIT,
		uintptr(unsafe.Pointer(&kernel)), unsafe.Sizeof(kernel),
	)
	if number != 0 {
		return number
	}
	return nil
}

// receive gives the next part of the answer. Should that not be there yet after all, it waits for it.
func (diagnosis *diagnosis) receive() ([]byte, error) {
	count, _, number := syscall.RawSyscall6(
		unix.SYS_RECVFROM,
		uintptr(diagnosis.descriptor),
		uintptr(unsafe.Pointer(&diagnosis.buffer[0])), uintptr(len(diagnosis.buffer)),
		unix.MSG_DONTWAIT,
		0, 0,
	)
	if number == 0 {
		return diagnosis.buffer[:count], nil
	}
	if number != unix.EAGAIN && number != unix.EINTR {
		return nil, number
	}
	for {
		count, _, err := unix.Recvfrom(diagnosis.descriptor, diagnosis.buffer, 0)
		if err == nil {
			return diagnosis.buffer[:count], nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, err
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
		case getSockets:
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
		listener.address = netip.AddrFrom4([4]byte(body[8:12]))
	case unix.AF_INET6:
		listener.kind = "tcp6"
		listener.address = netip.AddrFrom16([16]byte(body[8:24]))
	default:
		return found{}, false
	}
	return listener, true
}
