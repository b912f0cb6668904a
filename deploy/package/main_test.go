package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// packed is what a test looks at of a file in the tarball.
type packed struct {
	Mode  int64
	Owner string
	Time  time.Time
	Text  string
}

func unpack(t *testing.T, path string) map[string]packed {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zip, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]packed{}
	for tarball := tar.NewReader(zip); ; {
		header, err := tarball.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(tarball)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = packed{header.Mode, header.Uname + ":" + header.Gname, header.ModTime.UTC(), string(text)}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// This test's own program is packed: any of Go is as good.
func TestTarball(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	commit := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	one, two := archive{program, "1.2.3", t.TempDir(), commit}, archive{program, "1.2.3", t.TempDir(), commit}
	if err := errors.Join(one.write(), two.write()); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(one.folder + "/*")
	if err != nil || len(paths) != 1 {
		t.Fatalf("made are %v, %v", paths, err)
	}
	name := filepath.Base(paths[0])
	if read(t, paths[0]) != read(t, filepath.Join(two.folder, name)) {
		t.Error("the same sources make other bytes")
	}
	folder, isTarball := strings.CutSuffix(name, ".tar.gz")
	if !isTarball || !strings.HasPrefix(folder, "avni-messenger-1.2.3-") {
		t.Errorf("it is called %s", name)
	}

	files := unpack(t, paths[0])
	if sbom := files[folder+"/sbom.txt"]; !strings.Contains(sbom.Text, "path\tavni-messenger/deploy/package\n") {
		t.Errorf("the list of parts is %q", sbom.Text)
	}
	if terms := files[folder+"/NOTICE"]; !strings.Contains(terms.Text, "--- lodash ") || !strings.Contains(terms.Text, "--- go1.") {
		t.Errorf("NOTICE has %d bytes, and not all terms", len(terms.Text))
	}
	delete(files, folder+"/sbom.txt")
	delete(files, folder+"/NOTICE")
	want := map[string]packed{folder + "/avni-messenger": {0o755, "root:root", commit, read(t, program)}}
	for name, from := range map[string]string{
		"LICENSE": "LICENSE", "avni-messenger.env.example": "deploy/avni-messenger.env.example",
		"avni-messenger.service": "deploy/systemd/avni-messenger.service", "setup.sql": "deploy/postgres/setup.sql", "teardown.sql": "deploy/postgres/teardown.sql",
	} {
		want[folder+"/"+name] = packed{0o644, "root:root", commit, read(t, from)}
	}
	if !cmp.Equal(want, files) { // the difference is that of a binary
		t.Errorf("in the tarball there are other files than wanted, or others' content: %d of %d", len(files), len(want))
	}
}

func TestNotice(t *testing.T) {
	t.Chdir("../..")
	program := &buildinfo.BuildInfo{GoVersion: "go1.26", Deps: []*debug.Module{{Path: "github.com/prometheus/client_golang", Version: "v1.2.3"}}}
	text, err := notice(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"--- lodash ", "--- go1.26, LICENSE\n\nCopyright 2009 The Go Authors.",
		"--- github.com/prometheus/client_golang v1.2.3, LICENSE\n\n", "--- github.com/prometheus/client_golang v1.2.3, NOTICE\n\n",
	} {
		if !strings.Contains(string(text), part) {
			t.Errorf("NOTICE has no %q", part)
		}
	}
	if err := terms(&bytes.Buffer{}, "a module", t.TempDir()); err == nil || !strings.Contains(err.Error(), "a module has no licence in") {
		t.Errorf("a module without a licence: %v", err)
	}
}

func TestTarballRefusesALargeProgram(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "avni-messenger")
	if err := os.WriteFile(large, []byte(read(t, program)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, largest+1); err != nil {
		t.Fatal(err)
	}
	p := archive{binary: large, version: "1.2.3", folder: t.TempDir()}
	if err := p.write(); err == nil || !strings.Contains(err.Error(), "has 40 MB, more than 40") {
		t.Errorf("a program that is too large: %v", err)
	}
}
