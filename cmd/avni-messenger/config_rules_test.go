package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"avni-messenger/rules"
)

// TestRulesConfigIsLookedAt checks that a rules-config which cannot be used is told with the
// variable that names it.
func TestRulesConfigIsLookedAt(t *testing.T) {
	folder := t.TempDir()
	for name, code := range map[string]string{"text.js": "no JavaScript", "empty.js": "", "missing.js": ""} {
		file := filepath.Join(folder, name)
		if name != "missing.js" {
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		options, err := Config{RulesConfig: file}.engineOptions()
		if err == nil {
			_, err = rules.NewEngine(options)
			err = engineError(err)
		}
		if wrong := (*ConfigError)(nil); !errors.As(err, &wrong) || len(wrong.Problems) != 1 || !strings.HasPrefix(wrong.Problems[0], "MESSENGER_RULES_CONFIG: ") {
			t.Errorf("%s: %v is no wrong configuration that names the variable", name, err)
		}
	}
}
