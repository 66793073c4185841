package account

import (
	"testing"

	"berth.dev/agent/internal/place"
)

func TestLend(t *testing.T) {
	where := place.Place{Folder: "/tmp/it's"}
	for told, want := range map[string]string{"": "2", "2": "4", "-1": "-1", "x": "x", "99999999": "99999999"} {
		environment := Environment{"GIT_CONFIG_COUNT": told}
		environment.Lend(where)
		if environment["GIT_CONFIG_COUNT"] != want || environment["SSH_AUTH_SOCK"] != "/tmp/it's/ssh-agent.sock" {
			t.Fatal(told, environment)
		}
	}
	environment := Environment{"SSH_AUTH_SOCK": "/own"}
	environment.Lend(where)
	if environment["SSH_AUTH_SOCK"] != "/own" || environment["GIT_CONFIG_VALUE_0"] != `!'/tmp/it'\''s/git-credential'` || environment["GIT_CONFIG_VALUE_1"] != "/tmp/it's/git-gpg" {
		t.Fatal(environment)
	}
}
