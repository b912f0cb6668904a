// Command build bundles the JavaScript that message rules run on into one file,
// rules/js/dist/bundle.js, which package rules embeds. Run it after `npm ci` as
//
//	go run ./rules/js/build
//
// from the root of the repository; `make bundle` does both.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	if err := run(filepath.Join("rules", "js")); err != nil {
		fmt.Fprintln(os.Stderr, "build the rules bundle:", err)
		os.Exit(1)
	}
}

// run bundles dir/src/main.js into dir/dist.
func run(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules")); err != nil {
		return fmt.Errorf("%w (run `npm ci --ignore-scripts` in %s first)", err, dir)
	}
	packages, err := lockedPackages(dir)
	if err != nil {
		return err
	}
	code, err := bundle(dir, banner(packages))
	if err != nil {
		return err
	}
	out := filepath.Join(dir, "dist")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "NOTICE"), []byte(notices(dir, packages)), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "bundle.js"), code, 0o644)
}

// bundle makes one script of src/main.js and all that it imports, after a banner. Whatever asks for the
// package rules-config, health modules included, gets ours.
func bundle(dir, banner string) ([]byte, error) {
	ours := filepath.Join(dir, "src", "rules-config", "index.js")
	models, err := newModels(dir)
	if err != nil {
		return nil, err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints: []string{filepath.Join(dir, "src", "main.js")},
		Bundle:      true,
		Format:      api.FormatIIFE,
		Platform:    api.PlatformBrowser,
		Target:      api.ES2017,
		MainFields:  []string{"main"},
		Alias:       map[string]string{"rules-config/rules": ours, "rules-config": ours},
		Define:      map[string]string{"global": "globalThis"},
		Charset:     api.CharsetUTF8,
		// Identifiers stay as they are: they stand in error messages.
		MinifyWhitespace: true,
		MinifySyntax:     true,
		LegalComments:    api.LegalCommentsInline,
		Banner:           map[string]string{"js": banner},
		Inject:           []string{filepath.Join(dir, helperFile)},
		Plugins: []api.Plugin{{Name: "patches", Setup: patched}, {Name: "models", Setup: func(build api.PluginBuild) {
			build.OnLoad(api.OnLoadOptions{Filter: `[/\\]openchs-models[/\\]dist[/\\].*\.js$`}, models.load)
		}}},
		LogLevel: api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		return nil, errors.New(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}), ""))
	}
	return recorded(string(result.OutputFiles[0].Contents))
}
