package terminals

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"berth.dev/agent/internal/account"
	"berth.dev/agent/internal/place"
	"berth.dev/agent/internal/pseudoterminal"
)

const defaultTerm = "xterm-256color"

// start runs the command, or the login shell, in a new terminal.
func (all *Terminals) start(made *terminal, wanted Create) error {
	environment := account.NewEnvironment()
	environment["TERM"] = defaultTerm
	if wanted.Term != "" && !environment.Set("TERM", wanted.Term) {
		return &Problem{"malformed", "term"}
	}
	for name, value := range wanted.Env {
		if !environment.Set(name, value) {
			return &Problem{"malformed", "env"}
		}
	}
	environment.Lend(place.Place{Folder: all.folder})
	folder := environment.Home()
	if filepath.IsAbs(wanted.Folder) {
		folder = wanted.Folder
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return &Problem{"no-folder", wanted.Folder}
		}
	}
	path, argv, err := program(environment, wanted.Command, folder)
	if err != nil {
		return err
	}
	made.size = pseudoterminal.Size{Columns: wanted.Columns, Rows: wanted.Rows}.Bounded()
	master, slave, err := pseudoterminal.Open(made.size)
	if err != nil {
		return &Problem{"failed", "no terminal: " + err.Error()}
	}
	descriptor := slave.Fd()
	child, err := all.family.Start(path, argv, &syscall.ProcAttr{
		Dir:   folder,
		Env:   environment.List(),
		Files: []uintptr{descriptor, descriptor, descriptor},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true},
	})
	slave.Close()
	if err != nil {
		master.Close()
		return startProblem(path, err)
	}
	made.master, made.child, made.command, made.folder = master, child, argv, folder
	return nil
}

func program(environment account.Environment, command []string, folder string) (path string, argv []string, err error) {
	if len(command) == 0 {
		shell := environment.Shell()
		if shell == "" {
			return "", nil, &Problem{"not-found", "there is no shell here"}
		}
		return shell, []string{"-" + filepath.Base(shell)}, nil
	}
	path, err = environment.LookUp(command[0], folder)
	if err != nil {
		return "", nil, startProblem(command[0], err)
	}
	return path, command, nil
}

func startProblem(name string, err error) error {
	message := name + ": " + err.Error()
	switch {
	case errors.Is(err, account.ErrNotFound), errors.Is(err, syscall.ENOENT):
		return &Problem{"not-found", message}
	case errors.Is(err, account.ErrNotExecutable), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ENOEXEC):
		return &Problem{"not-executable", message}
	}
	return &Problem{"failed", message}
}
