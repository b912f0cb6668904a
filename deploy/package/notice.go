package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	root, err := ask(1, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := terms(text, program.GoVersion, root[0]); err != nil {
		return nil, err
	}
	if len(program.Deps) == 0 { // for none, go list tells of this module
		return text.Bytes(), nil
	}
	list := []string{"list", "-m", "-f", "{{.Dir}}"}
	for _, module := range program.Deps {
		list = append(list, module.Path)
	}
	folders, err := ask(len(program.Deps), list...)
	if err != nil {
		return nil, err
	}
	for i, module := range program.Deps {
		if err := terms(text, module.Path+" "+module.Version, folders[i]); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// ask runs the go command, which answers with so many lines, none of them empty.
func ask(lines int, arguments ...string) ([]string, error) {
	command := exec.Command("go", arguments...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.Output()
	answer := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(answer) != lines || slices.Contains(answer, "") {
		return nil, fmt.Errorf("go %s: %v %s: run `go mod download` first", strings.Join(arguments, " "), err, bytes.TrimSpace(complaint.Bytes()))
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
