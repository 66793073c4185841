package children

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// offsetOfPID is where si_pid lies in the siginfo of 64-bit Linux: after three integers and four bytes of padding.
const offsetOfPID = 16

// pidOf reads si_pid, which the bindings do not name; 0 if waitid(2) found nothing.
func pidOf(information *unix.Siginfo) int {
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(information), offsetOfPID)))
}
