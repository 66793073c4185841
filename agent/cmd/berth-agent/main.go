// Command berth-agent runs inside a workspace: `bridge` carries SSH between an exec's standard streams and the daemon,
// `serve` is the daemon, `version` says which agent this is. `git-credential`, also by a link of that name, is a credential
// helper of git that asks whoever is connected; `git-gpg`, likewise, is what git calls in the place of gpg.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"

	"berth.dev/agent/internal/bridge"
	"berth.dev/agent/internal/build"
	"berth.dev/agent/internal/credentials"
	"berth.dev/agent/internal/place"
	"berth.dev/agent/internal/server"
)

const usage = "usage: berth-agent bridge | serve | version | git-credential get|store|erase | git-gpg …"

// Memory: the collector runs often, since what the agent keeps is small and lies in a workspace that others need.
const (
	collectorPercent = 50
	memoryTarget     = 48 << 20
)

// readyDescriptor is the pipe on which a daemon that a bridge started tells of its failure; it is closed when it serves.
const readyDescriptor = 3

func main() {
	debug.SetGCPercent(collectorPercent)
	debug.SetMemoryLimit(memoryTarget)
	arguments := os.Args[1:]
	switch called := filepath.Base(os.Args[0]); called {
	case place.GitHelperName, place.GpgHelperName:
		arguments = append([]string{called}, arguments...)
	}
	if err := run(arguments); err != nil {
		fmt.Fprintf(os.Stderr, "berth-agent: %v\n", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("%s", usage)
	}
	switch arguments[0] {
	case "bridge":
		return bridge.Run()
	case "serve":
		return serve(arguments[1:])
	case place.GitHelperName:
		return credentials.Help(arguments[1:], os.Stdin, os.Stdout, os.Stderr)
	case place.GpgHelperName:
		os.Exit(credentials.Sign(arguments[1:]))
		return nil
	case "version":
		return json.NewEncoder(os.Stdout).Encode(struct {
			Version  string `json:"version"`
			Revision int    `json:"revision"`
		}{build.Version, build.Revision})
	}
	return fmt.Errorf("%q is not a command; %s", arguments[0], usage)
}

func serve(arguments []string) error {
	if slices.Contains(arguments, "--resume") {
		return server.Resume()
	}
	ready := func() {}
	var pipe *os.File
	if slices.Contains(arguments, "--ready") {
		pipe = os.NewFile(readyDescriptor, "ready")
		ready = func() { pipe.Close() }
	}
	err := server.Run(ready)
	if err != nil && pipe != nil {
		fmt.Fprintf(pipe, "%v\n", err)
	}
	return err
}
