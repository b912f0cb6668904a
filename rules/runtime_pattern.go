package rules

import (
	"strings"
	"sync"

	"github.com/dop251/goja"
)

// libraryPatterns are the regular expressions that libraries make of texts, as programs that
// make them: goja compiles those once, and every expression made of a text anew. Compiled, they
// are a twentieth of a runtime.
var libraryPatterns = struct {
	sync.Mutex
	programs map[string]*goja.Program // nil: no literal
}{programs: map[string]*goja.Program{}}

// libraryPattern makes a regular expression while the libraries are loaded, and returns
// undefined afterwards and for what is not that simple: (source, flags).
func (v *jsRuntime) libraryPattern(call goja.FunctionCall) goja.Value {
	source, flags := call.Argument(0), call.Argument(1)
	if v.loaded() || !goja.IsString(source) || !goja.IsUndefined(flags) && !goja.IsString(flags) {
		return goja.Undefined()
	}
	program := patternProgram(source.String(), orUndefined(flags))
	if program == nil {
		return goja.Undefined()
	}
	made, err := v.js.RunProgram(program)
	if err != nil {
		panic(err)
	}
	return made
}

// patternProgram compiles the literal that a source is the same as, if there is one.
func patternProgram(source string, flags goja.Value) *goja.Program {
	if source == "" || strings.ContainsAny(source, "/\n\r\u2028\u2029") || source[0] == '*' {
		return nil
	}
	literal := "/" + source + "/"
	if goja.IsString(flags) {
		literal += flags.String()
	}
	libraryPatterns.Lock()
	defer libraryPatterns.Unlock()
	program, known := libraryPatterns.programs[literal]
	if !known {
		program, _ = goja.Compile(bundleFile, literal, false)
		libraryPatterns.programs[literal] = program
	}
	return program
}
