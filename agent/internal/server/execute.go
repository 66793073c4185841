package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"golang.org/x/crypto/ssh"

	"berth.dev/agent/internal/account"
)

// runShell answers `shell` (without a command line) and `exec`, by the login shell.
func (session *session) runShell(request *ssh.Request, line *string) {
	shell := session.environment.Shell()
	if shell == "" {
		session.refuse(request, "berth-agent: there is no shell here\n")
		return
	}
	argv := []string{"-" + filepath.Base(shell)}
	if line != nil {
		argv = []string{filepath.Base(shell), "-c", *line}
	}
	session.isShell = true
	if err := session.start(request, shell, argv, session.environment.Home()); err != nil {
		session.refuse(request, fmt.Sprintf("berth-agent: %s: %v\n", shell, err))
		return
	}
}

// Command is what exec@berth.dev asks for.
type Command struct {
	Command []string `json:"command"`
	Folder  string   `json:"cwd"`
}

type problem struct {
	Problem string `json:"problem"`
	Message string `json:"message"`
}

// runCommand answers exec@berth.dev: argv as it is, without a shell.
func (session *session) runCommand(request *ssh.Request, text string) {
	fail := func(code, message string) {
		line, _ := json.Marshal(problem{Problem: code, Message: message})
		session.refuse(request, string(line)+"\n")
	}
	var asked Command
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		fail("failed", err.Error())
		return
	}
	if len(asked.Command) == 0 || asked.Command[0] == "" {
		fail("failed", "no command")
		return
	}
	folder, err := session.workingFolder(asked.Folder)
	if err != nil {
		fail("no-folder", fmt.Sprintf("%s: %v", asked.Folder, err))
		return
	}
	path, err := session.environment.LookUp(asked.Command[0], folder)
	if err == nil {
		err = session.start(request, path, asked.Command, folder)
	}
	switch {
	case err == nil:
	case errors.Is(err, account.ErrNotFound), errors.Is(err, syscall.ENOENT):
		fail("not-found", fmt.Sprintf("%s: %v", asked.Command[0], err))
	case errors.Is(err, account.ErrNotExecutable), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ENOEXEC):
		fail("not-executable", fmt.Sprintf("%s: %v", asked.Command[0], err))
	default:
		fail("failed", fmt.Sprintf("%s: %v", asked.Command[0], err))
	}
}

// refuse says why on the standard error, then refuses the request and closes the channel.
func (session *session) refuse(request *ssh.Request, reason string) {
	session.channel.Stderr().Write([]byte(reason))
	request.Reply(false, nil)
	session.channel.CloseWrite()
	session.channel.Close()
}
