package account

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzPasswd(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/bash\n# comment\nbroken\n:x:1:1::/:\ndev:x:1000:1000::/home/dev:\n")
	f.Add("a:x:-1:0::/:/bin/sh\nb:x:99999999999:0::/:/bin/sh\n")
	f.Fuzz(func(t *testing.T, text string) {
		parse(strings.NewReader(text), func(entry Entry) bool {
			if entry.Name == "" || entry.UID < 0 {
				t.Fatal(entry)
			}
			return true
		})
	})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("BERTH_AGENT_FOLDER", "/somewhere")
	t.Setenv("PATH", "")
	t.Setenv("HOME", "/no/such/folder")
	environment := NewEnvironment()
	if _, found := environment["BERTH_AGENT_FOLDER"]; found || environment["PATH"] != defaultPath || environment.Home() != "/" {
		t.Fatal(environment)
	}
	for _, name := range []string{"", "A=B", "A\x00"} {
		if environment.Set(name, "x") {
			t.Fatal(name)
		}
	}
}

func TestLookUp(t *testing.T) {
	folder := t.TempDir()
	os.WriteFile(filepath.Join(folder, "runs"), nil, 0o755)
	os.WriteFile(filepath.Join(folder, "text"), nil, 0o644)
	environment := Environment{"PATH": "relative:" + folder}
	if path, err := environment.LookUp("runs", "/"); err != nil || path != filepath.Join(folder, "runs") {
		t.Fatal(path, err)
	}
	if path, err := environment.LookUp("./runs", folder); err != nil || path != filepath.Join(folder, "runs") {
		t.Fatal(path, err)
	}
	if _, err := environment.LookUp("text", "/"); err != ErrNotExecutable {
		t.Fatal(err)
	}
	if _, err := environment.LookUp("none", "/"); err != ErrNotFound {
		t.Fatal(err)
	}
	if _, err := environment.LookUp("/", "/"); err != ErrNotExecutable {
		t.Fatal(err)
	}
}
