package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestBundleIsThatOfTheLockFile compares the versions of which the bundle says that it is made
// with those in package-lock.json.
func TestBundleIsThatOfTheLockFile(t *testing.T) {
	code, err := dist.ReadFile("js/dist/" + bundleFile)
	if err != nil {
		t.Fatal(ErrNoBundle)
	}
	text, err := os.ReadFile(filepath.Join("js", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	stale, err := staleBundle(string(code), text)
	if err != nil {
		t.Fatal(err)
	}
	if len(stale) > 0 {
		t.Errorf("the bundle is not made of %s, which package-lock.json names: run `make bundle`", strings.Join(stale, ", "))
	}
}

// staleBundle lists the packages of the lock file that the bundle does not name in that version.
func staleBundle(code string, lockFile []byte) ([]string, error) {
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return nil, err
	}
	banner, _, _ := strings.Cut(code, "*/")
	made := strings.Fields(banner)
	var stale []string
	for folder, p := range lock.Packages {
		name, isPackage := strings.CutPrefix(folder, "node_modules/")
		if wanted := name + "@" + p.Version; isPackage && !slices.Contains(made, wanted) {
			stale = append(stale, wanted)
		}
	}
	slices.Sort(stale)
	return stale, nil
}

func TestStaleBundle(t *testing.T) {
	const code = "/*! Made of lodash@4.18.1 moment@2.31.0 */(()=>{})()"
	lock := `{"packages": {"": {}, "node_modules/lodash": {"version": "4.18.2"}, "node_modules/moment": {"version": "2.31.0"}, "node_modules/new": {"version": "1.0.0"}}}`
	stale, err := staleBundle(code, []byte(lock))
	if err != nil || !slices.Equal(stale, []string{"lodash@4.18.2", "new@1.0.0"}) {
		t.Errorf("stale are %v, %v", stale, err)
	}
}
