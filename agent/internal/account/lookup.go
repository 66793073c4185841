package account

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	// ErrNotFound says that there is no such program.
	ErrNotFound = errors.New("no such program")
	// ErrNotExecutable says that the file is there, but cannot be run.
	ErrNotExecutable = errors.New("not executable")
)

// LookUp finds a program as execvp(3) does, but in the PATH of the environment the process will have. A name with a
// slash is taken from folder. Errors are ErrNotFound and ErrNotExecutable.
func (environment Environment) LookUp(name, folder string) (string, error) {
	if name == "" {
		return "", ErrNotFound
	}
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(folder, name)
		}
		return name, runnable(name)
	}
	problem := ErrNotFound
	for _, base := range filepath.SplitList(environment["PATH"]) {
		if !filepath.IsAbs(base) {
			base = filepath.Join(folder, base)
		}
		candidate := filepath.Join(base, name)
		err := runnable(candidate)
		if err == nil {
			return candidate, nil
		}
		if errors.Is(err, ErrNotExecutable) {
			problem = err
		}
	}
	return "", problem
}

func runnable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return ErrNotExecutable
	case err != nil:
		return ErrNotFound
	case !info.Mode().IsRegular():
		return ErrNotExecutable
	case unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS) != nil:
		return ErrNotExecutable
	}
	return nil
}
