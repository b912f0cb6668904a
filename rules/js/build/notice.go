package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// notices lists the bundled packages with their versions and licences, and the text of
// each licence that a package carries.
func notices(dir string, packages []lockedPackage) string {
	var out strings.Builder
	out.WriteString("bundle.js contains these packages from npm. Those marked so are changed while they are bundled\n" +
		"(rules/js/build/patch.go says how).\n")
	for _, p := range packages {
		fmt.Fprintf(&out, "\n--- %s %s, %s%s\n", p.name, p.version, p.license, changed(p.name))
		out.WriteString(licence(filepath.Join(dir, p.folder)))
	}
	return out.String()
}

// changed marks a package that a patch changes.
func changed(name string) string {
	for _, p := range patches {
		if strings.HasPrefix(p.file, name+"/") {
			return " (changed)"
		}
	}
	return ""
}

// licence returns the licence text in a package's folder, or "".
func licence(folder string) string {
	for _, pattern := range []string{"LICEN[CS]E*", "licen[cs]e*"} {
		files, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, file := range files {
			if text, err := os.ReadFile(file); err == nil {
				return "\n" + strings.TrimSpace(string(text)) + "\n"
			}
		}
	}
	return ""
}
