package dispatch

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReasonsAreDocumented keeps docs/outcomes.md as the code has it.
func TestReasonsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/outcomes.md")
	if err != nil {
		t.Fatal(err)
	}
	for reason, m := range reasons {
		row := fmt.Sprintf("| `%s` | %s | %s |\n", reason, m.text, m.advice)
		before, _, found := strings.Cut(string(text), row)
		if !found {
			t.Errorf("docs/outcomes.md lacks the row %s", row)
			continue
		}
		heading := before[strings.LastIndex(before, "\n**")+len("\n**"):]
		if class, _, _ := strings.Cut(heading, "**"); class != string(m.class) {
			t.Errorf("docs/outcomes.md has %s under %s; its class is %s", reason, class, m.class)
		}
	}
}
