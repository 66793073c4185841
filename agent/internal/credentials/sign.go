package credentials

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"berth.dev/agent/internal/place"
)

const (
	exitFailed  = 2   // gpg's own for whatever went wrong
	exitMissing = 127 // a shell's for what is not there

	// lossTime is how much later than gpg this may learn that there is no connection any more.
	lossTime = 2 * time.Second
)

// complaintsOfGit is where a person sees what git says, for git before 2.41 keeps to itself what gpg does (gpg-interface.c).
// A file would be written over by git, and what cannot be had cannot be used: then it is this process's own.
func complaintsOfGit() io.Writer {
	path := fmt.Sprintf("/proc/%d/fd/2", os.Getppid())
	if info, err := os.Stat(path); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) == 0 {
		return os.Stderr
	}
	if file, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOCTTY, 0); err == nil {
		return file
	}
	return os.Stderr
}

// Sign is what git calls in the place of gpg. Where git signs, and the workspace has no key for it, whoever is connected
// is asked: gpg here is told of the public key, and finds the agent of the other computer where it looks for its own.
// All else is left to gpg as it is. Returns the status to exit with.
func Sign(arguments []string) int {
	complain := func(format string, values ...any) {
		fmt.Fprintf(complaintsOfGit(), "berth: %s\n", Printable(fmt.Sprintf(format, values...)))
	}
	program, err := exec.LookPath(gpgProgram())
	if err != nil {
		complain("gpg is not in this workspace: %v", err)
		return exitMissing
	}
	key := signingKey(arguments)
	socket := agentSocket()
	if key == "" || hasOwn(program, key, socket) {
		err := syscall.Exec(program, append([]string{program}, arguments...), os.Environ())
		complain("%s: %v", program, err)
		return exitMissing
	}
	answer, connection, err := put(Ask{Operation: OperationSign, Text: []byte(key)})
	if err != nil {
		complain("no signature by gpg: %v", err)
		return exitFailed
	}
	defer connection.Close()
	if answer.Message != "" || len(answer.Text) == 0 {
		complain("no signature by gpg: %s", orElse(answer.Message, "the connection to your computer was lost"))
		return exitFailed
	}
	where := place.Place{Folder: filepath.Dir(connection.RemoteAddr().String())}
	if err := prepare(program, socket, where, answer.Text); err != nil {
		complain("no signature by gpg: %v", err)
		return exitFailed
	}
	lost := make(chan struct{})
	go func() {
		io.Copy(io.Discard, connection)
		close(lost)
	}()
	code := run(program, arguments)
	if code == 0 {
		return code
	}
	select {
	case <-lost:
		complain("the connection to your computer was lost")
	case <-time.After(lossTime):
	}
	return code
}

// signingKey is the key of a call by which git signs (gpg-interface.c: `--status-fd=2 -bsau <key>`); "" of any other.
func signingKey(arguments []string) string {
	if count := len(arguments); count >= 2 && arguments[count-2] == "-bsau" {
		return arguments[count-1]
	}
	return ""
}

// gpgProgram is what git would call without the agent (git-config(1), gpg.program).
func gpgProgram() string {
	output, _ := exec.Command("git", "config", "--null", "--get-regexp", `^gpg\.(openpgp\.)?program$`).Output()
	program := "gpg"
	for _, line := range strings.Split(string(output), "\x00") {
		if _, value, _ := strings.Cut(line, "\n"); value != "" && filepath.Base(value) != place.GpgHelperName {
			program = value
		}
	}
	return program
}

// agentSocket is where gpg looks for its agent.
func agentSocket() string {
	output, _ := exec.Command("gpgconf", "--list-dirs", "agent-socket").Output()
	if socket := strings.TrimRight(string(output), "\n"); filepath.IsAbs(socket) {
		return socket
	}
	return filepath.Join(orElse(os.Getenv("GNUPGHOME"), filepath.Join(os.Getenv("HOME"), ".gnupg")), "S.gpg-agent")
}

// hasOwn reports whether the workspace itself can sign with a key: it has private keys of its own, or somebody else's
// agent answers at gpg's socket.
func hasOwn(program, key, socket string) bool {
	output, _ := exec.Command("gpgconf", "--list-dirs", "homedir").Output()
	home := orElse(strings.TrimRight(string(output), "\n"), filepath.Dir(socket))
	if keys, _ := os.ReadDir(filepath.Join(home, "private-keys-v1.d")); len(keys) > 0 {
		return true
	}
	if there, _ := os.Readlink(socket); filepath.Base(there) == filepath.Base(place.Place{}.GpgSocket()) {
		return false
	}
	return exec.Command(program, "--batch", "--no-autostart", "--list-secret-keys", "--", key).Run() == nil
}

// prepare makes a public key known to gpg, and puts the way to the other computer's agent where gpg looks for one.
func prepare(program, socket string, where place.Place, public []byte) error {
	adding := exec.Command(program, "--batch", "--quiet", "--no-autostart", "--import")
	adding.Stdin = bytes.NewReader(public)
	if said, err := adding.CombinedOutput(); err != nil {
		return fmt.Errorf("gpg of this workspace does not take the public key: %s", bytes.TrimSpace(said))
	}
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		return err
	}
	return place.Link(where.GpgSocket(), socket)
}

// run has the program do its work; a signal of the terminal is the program's to follow, and not ignored by it.
func run(program string, arguments []string) int {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGQUIT)
	running := exec.Command(program, arguments...)
	running.Stdin, running.Stdout, running.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := running.Run()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended) && ended.ExitCode() > 0:
		return ended.ExitCode()
	}
	return exitFailed
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
