// Command node puts the rules of the corpus to Node.js, in each time zone, and says where
// its answers differ from those that the corpus expects. With -write it puts its answers
// into the cases that have none. Run it from the root of the repository, after `make bundle`:
//
//	go run ./rules/testdata/corpus/node
//
// Node.js gets the same npm packages, contract mapping and rulesConfig as a rule of ours, but
// nothing of what completes goja, makes it faster or limits rules.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// The libraries as they are, and of ours only what no package has.
const entry = `
import './entity/shapes.js';
import { Encounter, Individual, MyGroups, ProgramEncounter, ProgramEnrolment, UserInfo } from 'openchs-models';
export const models = { Encounter, MyGroups, ProgramEncounter, ProgramEnrolment, Subject: Individual, User: UserInfo };
export { rulesConfig } from './rules-config/index.js';
export { default as common } from 'avni-health-modules/dist/health_modules/common.js';
export * as motherCalculations from 'avni-health-modules/dist/health_modules/mother/calculations.js';
export { default as lodash } from 'lodash';
export { default as moment } from 'moment';
`

func main() {
	if err := run(filepath.Join("rules", "testdata", "corpus"), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ask Node.js:", err)
		os.Exit(1)
	}
}

func run(corpus string, arguments []string) error {
	corpus, err := filepath.Abs(corpus)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "corpus")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	library := filepath.Join(folder, "library.cjs")
	js := filepath.Join(filepath.Dir(filepath.Dir(corpus)), "js")
	if err := bundle(filepath.Join(js, "src"), library); err != nil {
		return err
	}
	node := exec.Command("node", append([]string{filepath.Join(corpus, "node", "run.cjs"), corpus, library}, arguments...)...)
	node.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(js, "node_modules"))
	node.Stdout, node.Stderr = os.Stdout, os.Stderr
	return node.Run()
}

// bundle writes what a rule gets, as rules/js/build does for goja, to a file for Node.js. moment is
// left to Node.js, so that it finds its locales.
func bundle(source, out string) error {
	ours := filepath.Join(source, "rules-config", "index.js")
	result := api.Build(api.BuildOptions{
		Stdin:      &api.StdinOptions{Contents: entry, ResolveDir: source, Sourcefile: "corpus.js"},
		Outfile:    out,
		Write:      true,
		Bundle:     true,
		Format:     api.FormatCommonJS,
		Platform:   api.PlatformNode,
		MainFields: []string{"main"},
		External:   []string{"moment"},
		Alias:      map[string]string{"rules-config/rules": ours, "rules-config": ours},
		Charset:    api.CharsetUTF8,
		LogLevel:   api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		return errors.New(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}), ""))
	}
	return nil
}
