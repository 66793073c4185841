// Package account knows the user the agent runs as: /etc/passwd, the login shell, the environment of processes.
package account

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
)

const passwdFile = "/etc/passwd"

// maximumEntries bounds how many lines of /etc/passwd are looked at.
const maximumEntries = 65536

// Entry is one line of passwd(5). Shell and Home may be empty.
type Entry struct {
	Name  string
	UID   int
	Home  string
	Shell string
}

// Current is the entry of the user this process runs as; only UID is set when there is none.
func Current() Entry {
	uid := os.Getuid()
	found := Entry{UID: uid}
	each(func(entry Entry) bool {
		if entry.UID == uid {
			found = entry
			return false
		}
		return true
	})
	return found
}

// Names gives the first name of every user id in /etc/passwd; empty where there is no such file.
func Names() map[int]string {
	names := map[int]string{}
	each(func(entry Entry) bool {
		if _, taken := names[entry.UID]; !taken {
			names[entry.UID] = entry.Name
		}
		return true
	})
	return names
}

func each(visit func(Entry) bool) {
	file, err := os.Open(passwdFile)
	if err != nil {
		return
	}
	defer file.Close()
	parse(file, visit)
}

// parse reads passwd(5) lines until visit says false; lines that are not entries are passed over.
func parse(source io.Reader, visit func(Entry) bool) {
	lines := bufio.NewScanner(source)
	for count := 0; count < maximumEntries && lines.Scan(); count++ {
		fields := strings.Split(strings.TrimSpace(lines.Text()), ":")
		if len(fields) != 7 || fields[0] == "" || strings.HasPrefix(fields[0], "#") {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if !visit(Entry{Name: fields[0], UID: int(uid), Home: fields[5], Shell: fields[6]}) {
			return
		}
	}
}
