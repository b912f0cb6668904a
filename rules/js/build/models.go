package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// models changes the files of openchs-models. Every organisation's runtime holds what is
// loaded in it, and a rule touches a small part of the models: those that src does not import
// are loaded when something asks for them.
type models struct {
	eager   map[string]bool // files that src imports, from the package's name on
	helpers string          // src/babel.js
}

var modelOfSource = regexp.MustCompile(`from '(openchs-models/dist/[^']+)'`)

// newModels looks at what src imports.
func newModels(dir string) (*models, error) {
	helpers, err := os.ReadFile(filepath.Join(dir, helperFile))
	if err != nil {
		return nil, err
	}
	m := &models{eager: map[string]bool{}, helpers: string(helpers)}
	err = filepath.WalkDir(filepath.Join(dir, "src"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".js" {
			return err
		}
		code, err := os.ReadFile(path)
		for _, found := range modelOfSource.FindAllSubmatch(code, -1) {
			m.eager[string(found[1])+".js"] = true
		}
		return err
	})
	return m, err
}

// load is for esbuild.
func (m *models) load(args api.OnLoadArgs) (api.OnLoadResult, error) {
	content, err := os.ReadFile(args.Path)
	if err != nil {
		return api.OnLoadResult{}, err
	}
	code, err := m.withoutHelpers(string(content))
	if err != nil {
		return api.OnLoadResult{}, fmt.Errorf("%s: %w", args.Path, err)
	}
	code = m.late(args.Path, code)
	return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS}, nil
}

// helperFile has the functions that Babel writes into every file.
var helperFile = filepath.Join("src", "babel.js")

var helper = regexp.MustCompile(`(?m)^function (_interopRequireDefault|_defineProperty|_toPropertyKey|_toPrimitive|ownKeys|_objectSpread)\(.*\n`)

// withoutHelpers takes Babel's functions out of a file, which gets those of helperFile instead.
func (m *models) withoutHelpers(code string) (string, error) {
	for _, found := range helper.FindAllStringSubmatch(code, -1) {
		if !strings.Contains(m.helpers, "export "+found[0]) {
			return "", fmt.Errorf("another %s than in %s", found[1], helperFile)
		}
	}
	return helper.ReplaceAllLiteralString(code, ""), nil
}

// modelImport is how Babel writes what one file imports of another.
var modelImport = regexp.MustCompile(`(?m)^var (_\w+) = (?:_interopRequireDefault\()?require\("(\.[^"]+)"\)\)?;\n`)

// late makes a file import others where it uses them.
func (m *models) late(path, code string) string {
	for _, found := range modelImport.FindAllStringSubmatch(code, -1) {
		declaration, name, from := found[0], found[1], found[2]
		file := filepath.Join(filepath.Dir(path), from)
		if filepath.Ext(file) != ".js" {
			file += ".js"
		}
		uses, members := regexp.MustCompile(`\b`+name+`\b`), regexp.MustCompile(`\b`+name+`\.`)
		others := len(uses.FindAllString(code, -1)) - len(members.FindAllString(code, -1))
		if m.isEager(file) || others != 1 || !isModule(file) {
			continue
		}
		code = strings.Replace(code, declaration, "", 1)
		code = members.ReplaceAllLiteralString(code, `(require("`+from+`")).`)
	}
	return code
}

func (m *models) isEager(file string) bool {
	_, name, _ := strings.Cut(filepath.ToSlash(file), "/node_modules/")
	return m.eager[name]
}

// isModule says whether a file was an ES module, so that its default export is its `default`.
func isModule(file string) bool {
	code, err := os.ReadFile(file)
	return err == nil && strings.Contains(string(code), `Object.defineProperty(exports, "__esModule"`)
}
