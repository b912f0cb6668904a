package main

import (
	"runtime/debug"
	"strings"

	"avni-messenger/metrics"
)

// version and revision are set by the linker:
//
//	go build -ldflags "-X main.version=1.2.0 -X main.revision=3f2a1bc"
var version, revision string

// buildInfo is what runs.
type buildInfo metrics.Build

// currentBuild takes what the linker was told, else what the Go toolchain recorded.
func currentBuild() buildInfo {
	b := buildInfo{Version: version, Revision: revision}
	if info, ok := debug.ReadBuildInfo(); ok {
		b = b.completed(info)
	}
	if b.Version == "" {
		b.Version = "development"
	}
	return b
}

func (b buildInfo) completed(info *debug.BuildInfo) buildInfo {
	b.GoVersion = info.GoVersion
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && b.Revision == "" {
			b.Revision = setting.Value
		}
	}
	return b
}

// text leaves out what is not known.
func (b buildInfo) text() string {
	known := []string{b.GoVersion}
	if b.Revision != "" {
		known = []string{"revision " + b.Revision, b.GoVersion}
	}
	return b.Version + " (" + strings.Join(known, ", ") + ")"
}
