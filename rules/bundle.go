package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/dop251/goja"
)

// The folder always exists, so that the module builds before the bundle does.
//
//go:embed all:js/dist
var dist embed.FS

// ErrNoBundle says that this binary was built without the JavaScript that rules run on.
var ErrNoBundle = errors.New("the rules' JavaScript bundle is not built in: run `make bundle` (it needs Node.js and npm), then build again")

const (
	bundleFile = "bundle.js" // as it stands in stack traces
	ruleFile   = "rule.js"
)

// bundleProgram compiles the bundle once for the process (about 0.2 s). The program is
// read-only and shared by all runtimes.
var bundleProgram = sync.OnceValues(func() (*goja.Program, error) {
	code, err := dist.ReadFile("js/dist/" + bundleFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoBundle
	}
	if err != nil {
		return nil, fmt.Errorf("read rules bundle: %w", err)
	}
	program, err := goja.Compile(bundleFile, string(code), false)
	if err != nil {
		return nil, fmt.Errorf("compile rules bundle: %w", err)
	}
	return program, nil
})
