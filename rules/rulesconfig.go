package rules

import (
	"errors"
	"fmt"
	"os"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
)

// maxRulesConfig is how large a build of rules-config may be. Avni's is half a MB.
const maxRulesConfig = 16 << 20

// A RulesConfig is a build of Avni's rules-config that rules get as imports.rulesConfig instead
// of ours: one CommonJS or UMD script, as https://github.com/avniproject/rules-config has it in
// its branch `build`. It is read-only and shared by all runtimes.
type RulesConfig struct{ program *goja.Program }

// A RulesConfigError says what is wrong with a build of rules-config, and what to do.
type RulesConfigError struct{ Problem string }

func (e *RulesConfigError) Error() string { return e.Problem }

// LoadRulesConfig reads and compiles a build. What it exports is looked at by the engine that
// is given it. Its error is a *RulesConfigError.
func LoadRulesConfig(path string) (*RulesConfig, error) {
	wrong := func(format string, args ...any) (*RulesConfig, error) {
		return nil, &RulesConfigError{fmt.Sprintf(format, args...)}
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return wrong("%v: give the path of a build of Avni's rules-config, such as /etc/avni/rules.js, or leave it out to use the one built in", err)
	case !info.Mode().IsRegular():
		return wrong("%s is no file: give the path of a build of Avni's rules-config, such as /etc/avni/rules.js", path)
	case info.Size() > maxRulesConfig:
		return wrong("%s has %d bytes, and at most %d are read: give a build of Avni's rules-config", path, info.Size(), maxRulesConfig)
	}
	code, err := os.ReadFile(path)
	if err != nil {
		return wrong("%v: make it readable for this user", err)
	}
	program, err := compileModule(path, string(code))
	if err != nil {
		return wrong("%s is not JavaScript that runs here: %v: give a build of Avni's rules-config, made for browsers or Node.js", path, err)
	}
	return &RulesConfig{program}, nil
}

// compileModule compiles a CommonJS module as a function of module, exports and require.
func compileModule(path, code string) (*goja.Program, error) {
	// On its own first: what closes the function early is no JavaScript.
	if _, err := parser.ParseFile(nil, path, code, 0, parser.WithDisableSourceMaps); err != nil {
		return nil, firstSyntaxError(err)
	}
	tree, err := parser.ParseFile(nil, path, "(function (module, exports, require) {"+code+"\n})", 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, firstSyntaxError(err)
	}
	return goja.CompileAST(tree, false)
}

func firstSyntaxError(err error) error {
	var all parser.ErrorList
	if errors.As(err, &all) && len(all) > 0 {
		return fmt.Errorf("%s in line %d", all[0].Message, all[0].Position.Line)
	}
	return err
}

// rulesConfigOf is the function of the operator's rules-config, undefined if there is none.
func (v *jsRuntime) rulesConfigOf(given *RulesConfig) (goja.Value, error) {
	if given == nil {
		return goja.Undefined(), nil
	}
	return v.js.RunProgram(given.program)
}

// bundleError tells what is wrong with the operator's rules-config from other errors of the
// bundle (rules/js/src/given.js).
func bundleError(err error) error {
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		if object, ok := thrown.Value().(*goja.Object); ok && orUndefined(object.Get("name")).String() == "RulesConfigError" {
			return &RulesConfigError{orUndefined(object.Get("message")).String()}
		}
	}
	return fmt.Errorf("run rules bundle: %w", err)
}
