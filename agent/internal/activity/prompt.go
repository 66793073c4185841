package activity

import (
	"path/filepath"
	"slices"
	"strings"
)

var shells = []string{"sh", "ash", "bash", "dash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "nu", "pwsh", "xonsh"}

// IsPrompt reports whether a command is a shell that waits at its prompt when nothing else runs, and prints only then.
func IsPrompt(command []string) bool {
	if len(command) == 0 || !slices.Contains(shells, strings.TrimPrefix(filepath.Base(command[0]), "-")) {
		return false
	}
	for _, argument := range command[1:] {
		// A script, or a command line.
		if !strings.HasPrefix(argument, "-") || !strings.HasPrefix(argument, "--") && strings.Contains(argument, "c") {
			return false
		}
	}
	return true
}
