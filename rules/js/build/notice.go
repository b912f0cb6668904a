package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// A lockFile is the part of package-lock.json that names what is bundled.
type lockFile struct {
	Packages map[string]struct {
		Version string `json:"version"`
		License string `json:"license"`
	} `json:"packages"`
}

// notices lists the bundled packages with their versions and licences, and the text of
// each licence that a package carries.
func notices(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return "", err
	}
	var lock lockFile
	if err := json.Unmarshal(text, &lock); err != nil {
		return "", fmt.Errorf("read package-lock.json: %w", err)
	}
	var folders []string
	for folder := range lock.Packages {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	sort.Strings(folders)
	var out strings.Builder
	out.WriteString("bundle.js contains these packages from npm. Those marked so are changed while they are bundled\n" +
		"(rules/js/build/patch.go says how).\n")
	for _, folder := range folders {
		p := lock.Packages[folder]
		name := strings.TrimPrefix(folder, "node_modules/")
		fmt.Fprintf(&out, "\n--- %s %s, %s%s\n", name, p.Version, p.License, changed(name))
		out.WriteString(licence(filepath.Join(dir, folder)))
	}
	return out.String(), nil
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
