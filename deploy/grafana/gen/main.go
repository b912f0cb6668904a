// Command gen writes the Grafana dashboards of avni-messenger into ../dashboards. Its
// output is committed, so that nobody needs it to import them:
//
//	cd deploy/grafana/gen && go run .
//
// It is a module of its own: the program does not depend on Grafana's packages. Each
// board is a list of rows of panels (messages.go, pipeline.go, postgres.go); how they
// look is in panel.go, and what all boards have in common in board.go.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "../dashboards", "the folder that the dashboards are written to")
	flag.Parse()
	for _, b := range []board{messages, pipeline, postgres} {
		if err := write(*out, b); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

func write(folder string, b board) error {
	built, err := b.build()
	if err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	text, err := json.MarshalIndent(built, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", b.name, err)
	}
	return os.WriteFile(filepath.Join(folder, b.name+".json"), append(text, '\n'), 0o644)
}
