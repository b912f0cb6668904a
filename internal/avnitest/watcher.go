package avnitest

import (
	"fmt"
	"io"
	"os/exec"
)

// watcherScript waits for a line on its standard input. If the input ends without one, the
// process that held the other end has died: it stops the server and removes its folder ($1).
const watcherScript = `
read -r _ && exit 0
if pid=$(head -n 1 "$1/data/postmaster.pid") && kill -QUIT "$pid"; then
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		kill -0 "$pid" || break
		sleep 0.2
	done
fi
rm -rf "$1"`

// watcher is a process that outlives this one just long enough to clean up after it, even when
// it was killed.
type watcher struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

func watch(p place) (*watcher, error) {
	cmd := p.detached(exec.Command("/bin/sh", "-c", watcherScript, "avnitest-watcher", p.dir))
	cmd.Dir = "/"
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("open watcher's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start watcher: %w", err)
	}
	return &watcher{cmd: cmd, pipe: pipe}, nil
}

// dismiss ends the watcher without any cleaning up.
func (w *watcher) dismiss() {
	_, _ = io.WriteString(w.pipe, "dismissed\n") // it can only fail if the watcher is gone already
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
