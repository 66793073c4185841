package bridge

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startDaemon runs `serve` in a session of its own, so that it outlives this exec, and waits until it listens or has
// failed, which it says on a pipe.
func startDaemon() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	reading, writing, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reading.Close()
	daemon := exec.Command("/proc/self/exe", "serve", "--ready")
	daemon.Args[0] = os.Args[0]
	daemon.Dir = "/"
	daemon.Stdin, daemon.Stdout, daemon.Stderr = null, null, null
	daemon.ExtraFiles = []*os.File{writing}
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	// What an exec may have left open for this program is not for one that stays.
	unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	err = daemon.Start()
	writing.Close()
	if err != nil {
		return fmt.Errorf("the agent cannot be started: %w", err)
	}
	daemon.Process.Release()
	reading.SetReadDeadline(time.Now().Add(answerTime))
	said, err := io.ReadAll(io.LimitReader(reading, 4096))
	if err != nil {
		return fmt.Errorf("the agent does not say that it is ready: %w", err)
	}
	if text := strings.TrimSpace(string(said)); text != "" {
		return errors.New(text)
	}
	return nil
}
