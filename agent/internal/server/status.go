package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"sync"

	"berth.dev/agent/internal/build"
)

type status struct {
	Version     string `json:"version"`
	Revision    int    `json:"revision"`
	Digest      string `json:"digest"`
	PID         int    `json:"pid"`
	StartedAt   int64  `json:"startedAt"`
	Connections int    `json:"connections"`
	Terminals   int    `json:"terminals"`
	Processes   int    `json:"processes"`
}

func (daemon *Daemon) status() string {
	text, _ := json.Marshal(status{
		Version:     build.Version,
		Revision:    build.Revision,
		Digest:      digest(),
		PID:         os.Getpid(),
		StartedAt:   daemon.startedAt.UnixMilli(),
		Connections: int(daemon.connections.Load()),
		Terminals:   daemon.Terminals.Running(),
		Processes:   int(daemon.processes.Load()),
	})
	return string(text)
}

// digest is the SHA-256 of the program that is running, in hex, also if its file has gone; "" if it cannot be read.
var digest = sync.OnceValue(func() string {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return ""
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
})
