package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// sidecar is a running `avni-messenger run`, as the demo, the benchmarks and the
// tests of the whole program drive it.
type sidecar struct {
	command *exec.Cmd
	address string // of its listener
	ended   chan struct{}
	err     error // set before ended closes
}

// startSidecar runs this very program with the given variables on top of a free listener
// address, and returns once it answers /ping.
func startSidecar(ctx context.Context, log io.Writer, variables ...string) (*sidecar, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	return startBinary(ctx, path, log, variables...)
}

// startBinary is startSidecar of a binary of avni-messenger.
func startBinary(ctx context.Context, path string, log io.Writer, variables ...string) (*sidecar, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &sidecar{command: exec.Command(path, "run"), address: address, ended: make(chan struct{})}
	s.command.Env = append(variables, "MESSENGER_LISTEN="+address)
	s.command.Stdout, s.command.Stderr = log, log
	s.command.SysProcAttr = ownGroup()
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start avni-messenger: %w", err)
	}
	go func() {
		defer close(s.ended)
		s.err = s.command.Wait()
	}()
	if err := s.await(ctx, "/ping", http.StatusOK); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

// fate says how the program ended when nobody had asked it to.
func (s *sidecar) fate() error {
	return fmt.Errorf("avni-messenger (pid %d) ended by itself: %s", s.command.Process.Pid, s.command.ProcessState)
}

// watched returns a context that also ends with the program; fate is its cause then.
func (s *sidecar) watched(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-s.ended:
			cancel(s.fate())
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// await asks the listener for path until it answers with the status.
func (s *sidecar) await(ctx context.Context, path string, status int) error {
	var last string
	for {
		code, body, err := s.get(ctx, path)
		if err == nil && code == status {
			return nil
		}
		last = fmt.Sprintf("%d %s %v", code, strings.TrimSpace(body), err)
		select {
		case <-s.ended:
			return s.fate()
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; last answer: %s", path, ctx.Err(), last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *sidecar) get(ctx context.Context, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// stop asks the program to end and waits for it; after the patience it is killed.
func (s *sidecar) stop(patience time.Duration) error {
	err := s.command.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		<-s.ended
		return s.fate()
	}
	if err != nil {
		return fmt.Errorf("stop avni-messenger: %w", err)
	}
	select {
	case <-s.ended:
		return s.err
	case <-time.After(patience):
		s.kill()
		return errors.New("avni-messenger did not stop in time and was killed")
	}
}

// kill ends the program as a power cut would.
func (s *sidecar) kill() {
	_ = s.command.Process.Kill() // it may be gone already
	<-s.ended
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
