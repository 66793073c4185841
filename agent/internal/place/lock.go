package place

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrTaken says that another daemon holds the lock.
var ErrTaken = errors.New("another agent is serving")

// Lock takes the lock of the one daemon, held as long as the file is open. ErrTaken if there is one.
func (place Place) Lock() (*os.File, error) {
	file, err := os.OpenFile(place.LockFile(), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrTaken
		}
		return nil, err
	}
	return file, nil
}
