package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A lockedPackage is a package as package-lock.json names it.
type lockedPackage struct {
	folder  string // below that of package-lock.json
	name    string
	version string
	license string
}

// lockedPackages reads package-lock.json, in the order of the folders. It is an error if another
// version of one is installed.
func lockedPackages(dir string) ([]lockedPackage, error) {
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := readJSON(filepath.Join(dir, "package-lock.json"), &lock); err != nil {
		return nil, err
	}
	var packages []lockedPackage
	for folder, p := range lock.Packages {
		if folder == "" {
			continue
		}
		var installed struct{ Version string }
		if err := readJSON(filepath.Join(dir, folder, "package.json"), &installed); err != nil {
			return nil, err
		}
		if installed.Version != p.Version {
			return nil, fmt.Errorf("%s has version %s, and package-lock.json %s: run `npm ci --ignore-scripts` in %s", folder, installed.Version, p.Version, dir)
		}
		name := strings.TrimPrefix(folder, "node_modules/")
		packages = append(packages, lockedPackage{folder, name, p.Version, p.License})
	}
	slices.SortFunc(packages, func(a, b lockedPackage) int { return strings.Compare(a.folder, b.folder) })
	return packages, nil
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// banner is the first line of the bundle. A test compares the versions in it with
// package-lock.json (rules/bundle_test.go).
func banner(packages []lockedPackage) string {
	versions := make([]string, len(packages))
	for i, p := range packages {
		versions[i] = p.name + "@" + p.version
	}
	return "/*! Contains AGPL-3.0 and MIT licensed packages: see NOTICE. Made of " + strings.Join(versions, " ") + " */"
}
