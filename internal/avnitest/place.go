package avnitest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"avni-messenger/internal/avnitest/postgres"
)

// dirPrefix begins the name of every cluster's folder; the id of the owning process follows.
const dirPrefix = "avnitest-"

// maxSocketFolder is how long a folder's path may be for a Unix socket in it: the limit is 104
// bytes on macOS and 108 on Linux, and PostgreSQL names the socket's lock file ".s.PGSQL.5432.lock".
const maxSocketFolder = 104 - len("/.s.PGSQL.5432.lock") - 1

// place is where a cluster lives and as whom it runs.
type place struct {
	bin        string              // PostgreSQL's programs
	dir        string              // data, log and socket
	credential *syscall.Credential // nil: as this process
}

func (p place) data() string { return filepath.Join(p.dir, "data") }
func (p place) log() string  { return filepath.Join(p.dir, "postgres.log") }

// newPlace finds the programs, the user and a temporary folder that the user can reach.
func newPlace() (place, error) {
	bin, err := postgres.Find()
	if err != nil {
		return place{}, err
	}
	p := place{bin: bin}
	if os.Geteuid() == 0 {
		if p.credential, err = unprivileged(); err != nil {
			return place{}, err
		}
	}
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		pattern := fmt.Sprintf("%s%d-", dirPrefix, os.Getpid())
		if len(filepath.Join(parent, pattern))+10 > maxSocketFolder || !p.reaches(parent) {
			err = fmt.Errorf("temporary folder %s: path too long for a Unix socket, or closed to the server's user; set TMPDIR to another", parent)
			continue
		}
		if p.dir, err = os.MkdirTemp(parent, pattern); err != nil {
			err = fmt.Errorf("make cluster folder: %w", err)
			continue
		}
		if err := p.own(); err != nil {
			return place{}, errors.Join(err, os.RemoveAll(p.dir))
		}
		return p, nil
	}
	return place{}, err
}

// own hands the folder to the server's user, with a copy of the programs if they lie where that
// user may not look, such as below root's home.
func (p *place) own() error {
	if p.credential == nil {
		return nil
	}
	if !p.reaches(p.bin) {
		prefix := filepath.Dir(p.bin)
		if err := os.CopyFS(filepath.Join(p.dir, "server"), os.DirFS(prefix)); err != nil {
			return fmt.Errorf("copy PostgreSQL from %s: %w", prefix, err)
		}
		p.bin = filepath.Join(p.dir, "server", filepath.Base(p.bin))
	}
	return filepath.WalkDir(p.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(p.credential.Uid), int(p.credential.Gid))
	})
}

// reaches says whether the server's user may enter the folder.
func (p place) reaches(dir string) bool {
	if p.credential == nil {
		return true
	}
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// command is one of PostgreSQL's programs, run as the server's user and out of reach of the
// terminal's Ctrl-C.
func (p place) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	return p.detached(exec.CommandContext(ctx, filepath.Join(p.bin, program), args...))
}

func (p place) detached(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.credential}
	return cmd
}

// unprivileged is the user that the server runs as if this process is root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseInt(account.Uid, 10, 64)
		gid, gidErr := strconv.ParseInt(account.Gid, 10, 64)
		if uidErr == nil && gidErr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

// url addresses a database of the cluster as the given role.
func (c *Cluster) url(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database,
		RawQuery: url.Values{"host": {c.place.dir}, "sslmode": {"disable"}}.Encode()}
	return u.String()
}

// removeStale removes the folders of clusters whose owner and watcher were both killed. The young
// are spared: their owner may be alive where this process cannot see it.
func removeStale() {
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		dirs, _ := filepath.Glob(filepath.Join(parent, dirPrefix+"*")) // fails only on a malformed pattern
		for _, dir := range dirs {
			if stale(dir) {
				_ = os.RemoveAll(dir) // another user's, or being removed by another test
			}
		}
	}
}

func stale(dir string) bool {
	pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
	owner, err := strconv.Atoi(pid)
	if err != nil || syscall.Kill(owner, 0) != syscall.ESRCH {
		return false
	}
	info, err := os.Stat(dir)
	if err != nil || time.Since(info.ModTime()) < 10*time.Minute {
		return false
	}
	conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		return true
	}
	conn.Close()
	return false
}
