package account

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"berth.dev/agent/internal/place"
)

// defaultPath is what a process gets whose environment names no PATH at all.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment is what a new process will have, by name.
type Environment map[string]string

// NewEnvironment is the agent's own environment without what is the agent's alone, completed from /etc/passwd.
func NewEnvironment() Environment {
	environment := Environment{}
	for _, pair := range os.Environ() {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" || strings.HasPrefix(name, place.OwnPrefix) {
			continue
		}
		environment[name] = value
	}
	entry := Current()
	environment.setAbsent("HOME", entry.Home)
	environment.setAbsent("USER", entry.Name)
	environment.setAbsent("LOGNAME", entry.Name)
	environment.setAbsent("SHELL", entry.Shell)
	environment.setAbsent("PATH", defaultPath)
	return environment
}

func (environment Environment) setAbsent(name, value string) {
	if environment[name] == "" && value != "" {
		environment[name] = value
	}
}

// Set puts a variable in; false if its name or value cannot be in an environment.
func (environment Environment) Set(name, value string) bool {
	if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
		return false
	}
	environment[name] = value
	return true
}

// maximumGitSettings bounds what git is told in its environment already, to be added to.
const maximumGitSettings = 10_000

// Lend names what a client lends: the socket of its SSH agent, unless there is another, and git's credential helper and
// what it calls to sign, after all that git has (git(1), GIT_CONFIG_COUNT).
func (environment Environment) Lend(where place.Place) {
	environment.setAbsent("SSH_AUTH_SOCK", where.KeysSocket())
	count := 0
	if told := environment["GIT_CONFIG_COUNT"]; told != "" {
		var err error
		if count, err = strconv.Atoi(told); err != nil || count < 0 || count > maximumGitSettings {
			return // Git refuses it, and says so.
		}
	}
	settings := [][2]string{
		{"credential.helper", "!'" + strings.ReplaceAll(where.GitHelper(), "'", `'\''`) + "'"},
		{"gpg.program", where.GpgHelper()},
	}
	for index, setting := range settings {
		number := strconv.Itoa(count + index)
		environment["GIT_CONFIG_KEY_"+number], environment["GIT_CONFIG_VALUE_"+number] = setting[0], setting[1]
	}
	environment["GIT_CONFIG_COUNT"] = strconv.Itoa(count + len(settings))
}

// List is the form in which execve(2) takes it.
func (environment Environment) List() []string {
	list := make([]string, 0, len(environment))
	for name, value := range environment {
		list = append(list, name+"="+value)
	}
	return list
}

// Home is the folder in which processes begin: HOME if it is a folder, else the root.
func (environment Environment) Home() string {
	if home := environment["HOME"]; filepath.IsAbs(home) {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			return home
		}
	}
	return "/"
}

// Shell is the login shell: that of passwd(5), else $SHELL, else /bin/sh, whichever can be run first; "" if none.
// Shells that only refuse a login (nologin, false) do not count: who can exec here is in already.
func (environment Environment) Shell() string {
	for _, shell := range []string{Current().Shell, environment["SHELL"], "/bin/sh"} {
		switch filepath.Base(shell) {
		case "nologin", "false", "true":
			continue
		}
		if filepath.IsAbs(shell) && runnable(shell) == nil {
			return shell
		}
	}
	return ""
}
