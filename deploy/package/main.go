// Command package puts the static binary and what a machine needs beside it into a
// tarball: dist/avni-messenger-<version>-<os>-<arch>.tar.gz. The same sources make the
// same bytes: names are in order, owners are root, and all times are that of the commit.
//
//	go run ./deploy/package -binary bin/avni-messenger -version 1.0.0 -time 1764126000
//
// With -notice it writes only the terms of all that the program contains, for an image.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

func main() {
	var p archive
	flag.StringVar(&p.binary, "binary", "bin/avni-messenger", "the program, built for the machine that it goes to")
	flag.StringVar(&p.version, "version", "", "the release")
	flag.StringVar(&p.folder, "out", "dist", "where the tarball goes")
	notice := flag.String("notice", "", "write only NOTICE, into this file")
	seconds := flag.Int64("time", 0, "Unix time of the commit")
	flag.Parse()
	p.time = time.Unix(*seconds, 0).UTC()
	do := p.write
	if *notice != "" {
		do = func() error { return p.writeNotice(*notice) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// archive is what the tarball is made of.
type archive struct {
	binary, version, folder string
	time                    time.Time
}

// largest is the most that the program may have, in bytes.
const largest = 40_000_000

// file is one file of the tarball, in the order of its name.
type file struct {
	name string
	from string // "" if content has it
	mode int64

	content []byte
}

func (p archive) write() error {
	info, err := buildinfo.ReadFile(p.binary)
	if err != nil {
		return fmt.Errorf("%s is no program of Go: %w; run `make build` first", p.binary, err)
	}
	if p.version == "" {
		return errors.New("-version is missing")
	}
	program, err := os.Stat(p.binary)
	if err != nil {
		return err
	}
	if program.Size() > largest {
		return fmt.Errorf("%s has %d MB, more than %d: `go version -m %s` lists what it is made of", p.binary, program.Size()/1e6, int(largest/1e6), p.binary)
	}
	name := fmt.Sprintf("avni-messenger-%s-%s-%s", p.version, setting(info, "GOOS"), setting(info, "GOARCH"))
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		return err
	}
	path := filepath.Join(p.folder, name+".tar.gz")
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if err := errors.Join(p.pack(io.MultiWriter(out, sum), name, info), out.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	fmt.Printf("%s\nsha256 %x\n", path, sum.Sum(nil))
	return nil
}

func (p archive) writeNotice(path string) error {
	info, err := buildinfo.ReadFile(p.binary)
	if err != nil {
		return err
	}
	text, err := notice(info)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

func (p archive) pack(out io.Writer, folder string, info *buildinfo.BuildInfo) error {
	terms, err := notice(info)
	if err != nil {
		return err
	}
	zip, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	tarball := tar.NewWriter(zip)
	for _, f := range []file{
		{name: "LICENSE", from: "LICENSE", mode: 0o644},
		{name: "NOTICE", content: terms, mode: 0o644},
		{name: "avni-messenger", from: p.binary, mode: 0o755},
		{name: "avni-messenger.env.example", from: "deploy/avni-messenger.env.example", mode: 0o644},
		{name: "avni-messenger.service", from: "deploy/systemd/avni-messenger.service", mode: 0o644},
		{name: "sbom.txt", content: []byte(info.String()), mode: 0o644},
		{name: "setup.sql", from: "deploy/postgres/setup.sql", mode: 0o644},
		{name: "teardown.sql", from: "deploy/postgres/teardown.sql", mode: 0o644},
	} {
		if err := p.add(tarball, folder, f); err != nil {
			return err
		}
	}
	return errors.Join(tarball.Close(), zip.Close())
}

func (p archive) add(tarball *tar.Writer, folder string, f file) error {
	if f.from != "" {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		f.content = content
	}
	err := tarball.WriteHeader(&tar.Header{
		Name: folder + "/" + f.name, Size: int64(len(f.content)), Mode: f.mode, ModTime: p.time, Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
	})
	if err != nil {
		return err
	}
	_, err = tarball.Write(f.content)
	return err
}

func setting(info *buildinfo.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return "unknown"
}
