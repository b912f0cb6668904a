package rules

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestOutcomesAreDocumented keeps docs/outcomes.md as the code has it.
func TestOutcomesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/outcomes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		compared := fmt.Sprintf("`%s`", o.compared())
		if o.compared() == o {
			compared = "–"
		}
		if row := fmt.Sprintf("\n| `%s` | %s | ", o, compared); !strings.Contains(string(text), row) {
			t.Errorf("docs/outcomes.md lacks a row %s…", row)
		}
	}
}
