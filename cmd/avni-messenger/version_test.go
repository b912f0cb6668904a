package main

import (
	"runtime/debug"
	"testing"
)

// What is not known is left out.
func TestVersionText(t *testing.T) {
	stamped := &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.0"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "3f2a1bc"}}}
	plain := &debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "(devel)"}}
	for _, row := range []struct {
		name  string
		given buildInfo
		info  *debug.BuildInfo
		want  string
	}{
		{"stamped", buildInfo{}, stamped, "v1.2.0 (revision 3f2a1bc, go1.26)"},
		{"told by the linker", buildInfo{Version: "1.3.0", Revision: "abc"}, stamped, "1.3.0 (revision abc, go1.26)"},
		{"revision unknown", buildInfo{Version: "1.3.0"}, plain, "1.3.0 (go1.26)"},
	} {
		if got := row.given.completed(row.info).text(); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}
