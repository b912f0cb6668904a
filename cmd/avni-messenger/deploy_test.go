package main

import (
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deployFolder = "../../deploy/"

func readDeploy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deployFolder + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// defaults maps every variable of the configuration to its default.
func defaults(of reflect.Type, found map[string]string) map[string]string {
	for i := range of.NumField() {
		field := of.Field(i)
		if name := field.Tag.Get("env"); name != "" {
			found[name] = field.Tag.Get("envDefault")
		} else if field.Type.Kind() == reflect.Struct {
			defaults(field.Type, found)
		}
	}
	return found
}

var exampleLine = regexp.MustCompile(`^#([A-Z][A-Z0-9_]+)=(.*)$`)

func TestEnvironmentExampleIsTheConfiguration(t *testing.T) {
	want, got, explained := defaults(reflect.TypeFor[Config](), map[string]string{}), map[string]string{}, false
	for line := range strings.Lines(readDeploy(t, "avni-messenger.env.example")) {
		line = strings.TrimSpace(line)
		found := exampleLine.FindStringSubmatch(line)
		switch {
		case line == "":
			explained = false
		case strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "# ---"):
			explained = true
		case found != nil:
			if _, twice := got[found[1]]; twice {
				t.Errorf("%s is there twice", found[1])
			}
			if !explained {
				t.Errorf("%s has no word on what it means", found[1])
			}
			got[found[1]] = found[2]
		case !strings.HasPrefix(line, "#"):
			t.Errorf("%q changes a default: the example must be what happens without it", line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables with their defaults (-configuration +example):\n%s", diff)
	}
}

// Whoever takes the # away from every line must get what a run without them has.
func TestEnvironmentExampleIsAccepted(t *testing.T) {
	var environ []string
	for _, found := range regexp.MustCompile(`(?m)^#([A-Z][A-Z0-9_]+=.*)$`).FindAllStringSubmatch(readDeploy(t, "avni-messenger.env.example"), -1) {
		environ = append(environ, found[1])
	}
	got, err := parseConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parseConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	want.Database.assumed = false // what the example sets is not assumed
	if !reflect.DeepEqual(want, got) {
		t.Errorf("with the example's lines the configuration is\n%v, without\n%v", got.LogValue(), want.LogValue())
	}
}

func TestREADMEHasEveryVariable(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(defaults(reflect.TypeFor[Config](), map[string]string{}))) {
		if short, ok := strings.CutPrefix(name, "OPENCHS_DATABASE"); ok {
			name = "`" + short + "`" // the table gives the endings
			if short == "" || short == "_HOST" {
				name = "`OPENCHS_DATABASE" + short + "`"
			}
		}
		if !strings.Contains(string(readme), name) {
			t.Errorf("README.md does not explain %s", name)
		}
	}
}

func TestDeployedScriptsAreWhatIsPrinted(t *testing.T) {
	for file, args := range map[string][]string{"postgres/setup.sql": {"setup", "--print"}, "postgres/teardown.sql": {"teardown", "--print"}} {
		code, printed, stderr := command(t, nil, args...)
		if code != exitOK {
			t.Fatalf("%v ended with %d: %s", args, code, stderr)
		}
		if diff := cmp.Diff(printed, readDeploy(t, file)); diff != "" {
			t.Errorf("deploy/%s is not what %v prints: write it anew with `make deploy` (-printed +file):\n%s", file, args, diff)
		}
	}
}

var ansibleDefault = regexp.MustCompile(`(?m)^(application_\w+): (\S+)$`)

// The role's unit is the plain one with the role's variables.
func TestAnsibleUnitIsTheUnit(t *testing.T) {
	unit := readDeploy(t, "ansible/roles/avni_messenger/templates/avni-messenger.service.j2")
	for _, found := range ansibleDefault.FindAllStringSubmatch(readDeploy(t, "ansible/roles/avni_messenger/defaults/main.yml"), -1) {
		unit = strings.ReplaceAll(unit, "{{ "+found[1]+" }}", found[2])
	}
	if diff := cmp.Diff(readDeploy(t, "systemd/avni-messenger.service"), unit); diff != "" {
		t.Errorf("units (-systemd +ansible):\n%s", diff)
	}
}

// Whatever a file of deploy/ sets must be a variable of this version.
func TestDeployedVariablesExist(t *testing.T) {
	known := defaults(reflect.TypeFor[Config](), map[string]string{})
	for _, file := range []string{"ansible/roles/avni_messenger/templates/avni_messenger_env.j2", "docker/Dockerfile", "docker/compose.yaml",
		"helm/avni-messenger/values.yaml", "helm/avni-messenger/templates/configmap.yaml", "kubernetes/avni-messenger.yaml", "README.md"} {
		names := regexp.MustCompile(`\b(MESSENGER|OPENCHS_DATABASE|AVNI_SEND)[A-Z_]*\b`).FindAllString(readDeploy(t, file), -1)
		if len(names) == 0 {
			t.Errorf("deploy/%s sets nothing", file)
		}
		for _, name := range names {
			if _, ok := known[name]; !ok {
				t.Errorf("deploy/%s names %s, which is no variable of this version", file, name)
			}
		}
	}
}
