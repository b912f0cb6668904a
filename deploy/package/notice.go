package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// licence is what modules of Go call the files with their terms, in their topmost folder.
var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice)(\.(md|txt))?$`)

// notice is the terms of all that the program contains, as they ask to be passed on: the
// packages from npm, which the bundle lists itself, Go and its modules.
func notice(program *buildinfo.BuildInfo) ([]byte, error) {
	npm, err := os.ReadFile("rules/js/dist/NOTICE")
	if err != nil {
		return nil, err
	}
	text := bytes.NewBuffer(npm)
	fmt.Fprintf(text, "\n\navni-messenger contains %s and these modules of it.\n", program.GoVersion)
	root, err := ask("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := terms(text, program.GoVersion, root); err != nil {
		return nil, err
	}
	for _, module := range program.Deps {
		folder, err := ask("list", "-m", "-f", "{{.Dir}}", module.Path)
		if err != nil {
			return nil, err
		}
		if err := terms(text, module.Path+" "+module.Version, folder); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// ask runs the go command, which answers with one line.
func ask(arguments ...string) (string, error) {
	command := exec.Command("go", arguments...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	answer := strings.TrimSpace(string(out))
	if err != nil || answer == "" {
		return "", fmt.Errorf("go %s: %w %s: run `go mod download` first", strings.Join(arguments, " "), err, bytes.TrimSpace(complaint.Bytes()))
	}
	return answer, nil
}

// terms adds those of one part.
func terms(text *bytes.Buffer, name, folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, file := range files {
		if !licence.MatchString(file.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(text, "\n--- %s, %s\n\n%s\n", name, file.Name(), bytes.TrimSpace(content))
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s: look under which terms it is", name, folder)
	}
	return nil
}
