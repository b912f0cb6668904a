package rules

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// givenSource is a small rules-config, written as Avni's is.
const givenSource = `
export class RuleCondition {
  constructor(context) { this.context = context; }
  get when() { return this; }
  matches() { return RuleCondition.answer; }
}
RuleCondition.answer = 'given';
export class VisitScheduleBuilder { getAll() { return ['visit']; } }
export class FormElementStatus { constructor(uuid) { this.uuid = uuid; } }
export * as lib from './lib.js';
`

const givenLibrary = `
import _ from 'lodash';
import moment from 'moment';
export const C = { sum: (list) => _.sum(list), year: (date) => moment(date).year() };
`

// givenBuild bundles givenSource as a build of rules-config in a file.
func givenBuild(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "lib.js"), givenLibrary)
	built := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: givenSource, ResolveDir: folder, Sourcefile: "rules.js"},
		Bundle: true, Format: api.FormatCommonJS, Target: api.ES2017, External: []string{"lodash", "moment"}, LogLevel: api.LogLevelSilent,
	})
	if len(built.Errors) > 0 {
		t.Fatal(built.Errors)
	}
	file := filepath.Join(folder, "rules.js")
	write(t, file, string(built.OutputFiles[0].Contents))
	return file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGivenRulesConfig runs rules with a build of rules-config that the operator gives.
func TestGivenRulesConfig(t *testing.T) {
	given, err := LoadRulesConfig(givenBuild(t))
	if err != nil {
		t.Fatal(err)
	}
	e := engineWith(t, EngineOptions{RulesConfig: given})
	in := readInput(t, "subject")
	look := `({params, imports: {rulesConfig: {RuleCondition, VisitScheduleBuilder, FormElementStatus, lib}, common}}) => ({parameters: [
  new RuleCondition({individual: params.entity}).when.matches(), new VisitScheduleBuilder({}).getAll()[0], new FormElementStatus('u').uuid, lib.C.sum([1, 2]), lib.C.year('2024-05-01'),
  common.calculateBMI(50, 150), typeof module, typeof exports,
]})`
	const want = "given,visit,u,3,2024,22.3,undefined,undefined"
	for _, spoil := range []string{
		`() => ({parameters: []})`,
		`({imports}) => { imports.rulesConfig.RuleCondition.answer = 'spoilt'; return {parameters: []}; }`,
		`({imports}) => { imports.rulesConfig.RuleCondition.prototype.matches = () => 'spoilt'; return {parameters: []}; }`,
		`({imports}) => { imports.rulesConfig.lib.C.sum = () => 'spoilt'; return {parameters: []}; }`,
	} {
		if _, err := e.Parameters(context.Background(), asha, spoil, in); err != nil {
			t.Fatal(err)
		}
		got, err := e.Parameters(context.Background(), asha, look, in)
		if answer := strings.Join(got, ","); err != nil || answer != want {
			t.Errorf("after %s a rule gets %s, %v; want %s", spoil, answer, err, want)
		}
	}
}

// TestWrongRulesConfig checks what an operator is told.
func TestWrongRulesConfig(t *testing.T) {
	folder := t.TempDir()
	for _, test := range []struct{ name, code, want string }{
		{"not JavaScript", "PK\x03\x04 this is a zip", "is not JavaScript that runs here: Unexpected token ILLEGAL in line 1: give a build of Avni's rules-config, made for browsers or Node.js"},
		{"ends too early", "}); (function () {", "is not JavaScript that runs here: Unexpected token } in line 1: give"},
		{"another module", "module.exports = {RuleCondition: class {}};", "rules-config does not export VisitScheduleBuilder: give a build of Avni's rules-config"},
		{"nothing", "", "rules-config does not export RuleCondition and VisitScheduleBuilder: give a build of Avni's rules-config"},
		{"fails", "null.x;", "rules-config fails when it is loaded: TypeError: "},
		{"needs others", "require('openchs-models');", "rules-config fails when it is loaded: Error: it requires 'openchs-models'; only lodash and moment can be had here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(folder, test.name)
			write(t, file, test.code)
			given, err := LoadRulesConfig(file)
			if err == nil {
				_, err = NewEngine(EngineOptions{RulesConfig: given})
			}
			wrongRulesConfig(t, err, test.want)
		})
	}
	for path, want := range map[string]string{
		filepath.Join(folder, "none.js"): "no such file or directory: give the path of a build of Avni's rules-config, such as /etc/avni/rules.js, or leave it out to use the one built in",
		folder:                           "is no file: give the path",
	} {
		_, err := LoadRulesConfig(path)
		wrongRulesConfig(t, err, want)
	}
}

func wrongRulesConfig(t *testing.T, err error, want string) {
	t.Helper()
	var wrong *RulesConfigError
	if !errors.As(err, &wrong) || !strings.Contains(wrong.Problem, want) {
		t.Errorf("the error is %v (%T), want a *RulesConfigError with %q", err, err, want)
	}
}
