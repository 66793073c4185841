package pseudoterminal

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Opcodes of encoded terminal modes (RFC 4254, section 8); VSTATUS, VDSUSP, VFLUSH and VSWTCH are not of Linux.
var (
	characters = map[byte]int{
		1: unix.VINTR, 2: unix.VQUIT, 3: unix.VERASE, 4: unix.VKILL, 5: unix.VEOF, 6: unix.VEOL, 7: unix.VEOL2,
		8: unix.VSTART, 9: unix.VSTOP, 10: unix.VSUSP, 12: unix.VREPRINT, 13: unix.VWERASE, 14: unix.VLNEXT,
		18: unix.VDISCARD,
	}
	inputFlags = map[byte]uint32{
		30: unix.IGNPAR, 31: unix.PARMRK, 32: unix.INPCK, 33: unix.ISTRIP, 34: unix.INLCR, 35: unix.IGNCR,
		36: unix.ICRNL, 37: unix.IUCLC, 38: unix.IXON, 39: unix.IXANY, 40: unix.IXOFF, 41: unix.IMAXBEL, 42: unix.IUTF8,
	}
	localFlags = map[byte]uint32{
		50: unix.ISIG, 51: unix.ICANON, 52: unix.XCASE, 53: unix.ECHO, 54: unix.ECHOE, 55: unix.ECHOK, 56: unix.ECHONL,
		57: unix.NOFLSH, 58: unix.TOSTOP, 59: unix.IEXTEN, 60: unix.ECHOCTL, 61: unix.ECHOKE, 62: unix.PENDIN,
	}
	outputFlags = map[byte]uint32{
		70: unix.OPOST, 71: unix.OLCUC, 72: unix.ONLCR, 73: unix.OCRNL, 74: unix.ONOCR, 75: unix.ONLRET,
	}
)

// firstWithoutArgument is where opcodes begin that end the list for those who do not know them.
const firstWithoutArgument = 160

// SetModes applies encoded terminal modes (RFC 4254, section 8); those that are unknown here, or say nothing for a
// terminal without a line (speeds, parity, bits), are passed over.
func (master *Master) SetModes(encoded string) error {
	return master.control(func(descriptor int) error {
		mode, err := unix.IoctlGetTermios(descriptor, unix.TCGETS)
		if err != nil {
			return err
		}
		applyModes(mode, []byte(encoded))
		return unix.IoctlSetTermios(descriptor, unix.TCSETS, mode)
	})
}

func applyModes(mode *unix.Termios, encoded []byte) {
	for len(encoded) >= 5 && encoded[0] > 0 && encoded[0] < firstWithoutArgument {
		opcode, argument := encoded[0], binary.BigEndian.Uint32(encoded[1:5])
		encoded = encoded[5:]
		if index, known := characters[opcode]; known {
			if argument == 255 {
				argument = 0
			}
			mode.Cc[index] = byte(argument)
			continue
		}
		set(&mode.Iflag, inputFlags[opcode], argument != 0)
		set(&mode.Lflag, localFlags[opcode], argument != 0)
		set(&mode.Oflag, outputFlags[opcode], argument != 0)
	}
}

func set(flags *uint32, flag uint32, on bool) {
	if on {
		*flags |= flag
	} else {
		*flags &^= flag
	}
}
