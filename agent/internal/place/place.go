// Package place finds the folder in which the agent has its socket, its lock and its logs.
package place

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// FolderVariable names the environment variable that takes the place of all bases.
	FolderVariable = "BERTH_AGENT_FOLDER"

	// OwnPrefix begins the name of every environment variable that is the agent's own.
	OwnPrefix = "BERTH_AGENT_"

	// maximumPath is the longest path of a socket, in bytes: sun_path of unix(7) has 108 with the NUL,
	// and some systems fewer.
	maximumPath = 100

	// ForwardPrefix begins the names of the sockets of single connections.
	ForwardPrefix = "forward-"

	socketName      = "agent.sock"
	lockName        = "agent.lock"
	gitSocketName   = "git-credential.sock"
	keysSocketName  = "ssh-agent.sock"
	gpgSocketName   = "gpg-agent.sock"
	relaySocketName = "relay.sock"

	// GitHelperName is how the program is called when it is git's credential helper.
	GitHelperName = "git-credential"
	// GpgHelperName is how the program is called when git calls it in the place of gpg.
	GpgHelperName = "git-gpg"
)

// Place is a folder of this user's own, checked when it was found.
type Place struct {
	Folder string
}

// Socket is the path of the daemon's listening socket.
func (place Place) Socket() string { return filepath.Join(place.Folder, socketName) }

// LockFile is the path of the file whose lock the one daemon of this folder holds.
func (place Place) LockFile() string { return filepath.Join(place.Folder, lockName) }

// GitSocket is the path of the socket on which git's credential helper asks.
func (place Place) GitSocket() string { return filepath.Join(place.Folder, gitSocketName) }

// KeysSocket is the path of the socket behind which the SSH agent of a client answers.
func (place Place) KeysSocket() string { return filepath.Join(place.Folder, keysSocketName) }

// GpgSocket is the path of the socket behind which the gpg agent of a client answers.
func (place Place) GpgSocket() string { return filepath.Join(place.Folder, gpgSocketName) }

// RelaySocket is the path of the socket over which TCP connections are carried.
func (place Place) RelaySocket() string { return filepath.Join(place.Folder, relaySocketName) }

// GitHelper is the path of git's credential helper, a link to the program.
func (place Place) GitHelper() string { return filepath.Join(place.Folder, GitHelperName) }

// GpgHelper is the path of what git calls in the place of gpg, a link to the program.
func (place Place) GpgHelper() string { return filepath.Join(place.Folder, GpgHelperName) }

// Candidates lists the places the environment offers, best first, without touching them.
func Candidates() []Place {
	var bases []string
	if override := os.Getenv(FolderVariable); override != "" {
		bases = []string{override}
	} else {
		bases = []string{os.Getenv("XDG_RUNTIME_DIR"), "/tmp", "/dev/shm", "/var/tmp", os.Getenv("HOME")}
		if program, err := os.Executable(); err == nil {
			bases = append(bases, filepath.Dir(strings.TrimSuffix(program, " (deleted)")))
		}
	}
	var places []Place
	for _, base := range bases {
		if !filepath.IsAbs(base) {
			continue
		}
		place := Place{Folder: filepath.Join(base, fmt.Sprintf("berth-agent-%d", os.Getuid()))}
		if len(place.GitSocket()) <= maximumPath {
			places = append(places, place)
		}
	}
	return places
}

// Find returns the first usable place and makes its folder. The error names each place and what is wrong with it.
func Find() (Place, error) {
	problems := []error{}
	for _, place := range Candidates() {
		if err := place.Make(); err != nil {
			problems = append(problems, err)
			continue
		}
		return place, nil
	}
	if len(problems) == 0 {
		return Place{}, errors.New("no folder for the agent's socket: no base is an absolute path that is short enough")
	}
	return Place{}, fmt.Errorf("no folder for the agent's socket: %s", joined(problems))
}

// Trustworthy reports, as an error, why the folder cannot be used: it must be a real folder of this user's that
// nobody else may enter.
func (place Place) Trustworthy() error {
	var stat unix.Stat_t
	if err := unix.Lstat(place.Folder, &stat); err != nil {
		return fmt.Errorf("%s: %w", place.Folder, err)
	}
	switch {
	case stat.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s: not a folder", place.Folder)
	case int(stat.Uid) != os.Getuid():
		return fmt.Errorf("%s: belongs to user %d", place.Folder, stat.Uid)
	case stat.Mode&0o077 != 0:
		return fmt.Errorf("%s: others may enter it", place.Folder)
	case stat.Mode&0o700 != 0o700:
		return fmt.Errorf("%s: its owner may not use it", place.Folder)
	}
	return nil
}

// Make makes the folder if it is not there, and reports why it cannot be used.
func (place Place) Make() error {
	if err := os.Mkdir(place.Folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := place.Trustworthy(); err != nil {
		return err
	}
	if unix.Access(place.Folder, unix.W_OK|unix.X_OK) != nil {
		return fmt.Errorf("%s: not writable", place.Folder)
	}
	return nil
}

// Sweep removes what a daemon that was killed has left; only for the holder of the lock.
func (place Place) Sweep() {
	left, _ := filepath.Glob(filepath.Join(place.Folder, ForwardPrefix+"*"))
	for _, path := range left {
		os.Remove(path)
	}
}

// Link makes a symbolic link where there is none to that target, in the place of whatever is there, at no time without one.
func Link(target, path string) error {
	if there, err := os.Readlink(path); err == nil && there == target {
		return nil
	}
	fresh := path + ".new"
	os.Remove(fresh)
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func joined(problems []error) string {
	texts := make([]string, len(problems))
	for index, problem := range problems {
		texts[index] = problem.Error()
	}
	return strings.Join(texts, "; ")
}
