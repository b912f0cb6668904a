package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The zones in which each rule of the corpus is run: that of Avni's production, one
// without an offset, and one whose clocks change.
var corpusZones = []string{"UTC", "Asia/Kolkata", "America/New_York"}

// A corpusCase is a rule with the answers that it must give. testdata/corpus holds them:
//
//	//! name of the case
//	//  on  entity of testdata/corpus/entities
//	//  now  the rule's present, if it matters
//	//  all  the JSON of its answer, or `throws TypeError`; UTC, Asia/Kolkata and
//	//  America/New_York instead if they differ
//	//  node  why Node.js answers otherwise, if it does
//	the rule
//
// The answers are those of Node.js: testdata/corpus/node compares them.
type corpusCase struct {
	file, name, rule string
	head             map[string]string
}

func (c corpusCase) want(zone string) string {
	if answer, ok := c.head[zone]; ok {
		return answer
	}
	return c.head["all"]
}

func (c corpusCase) now(t *testing.T) time.Time {
	text, ok := c.head["now"]
	if !ok {
		return now
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

var corpusHead = regexp.MustCompile(`^//  (\S+) +(.*)$`)

func readCorpus(t *testing.T) []corpusCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.js"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split("\n"+string(text), "\n//! ")
		for _, part := range parts[1:] {
			cases = append(cases, parseCorpusCase(filepath.Base(file), part))
		}
	}
	return cases
}

func parseCorpusCase(file, text string) corpusCase {
	lines := strings.Split(text, "\n")
	c := corpusCase{file: file, name: lines[0], head: map[string]string{}}
	i := 1
	for ; i < len(lines); i++ {
		entry := corpusHead.FindStringSubmatch(lines[i])
		if entry == nil {
			break
		}
		c.head[entry[1]] = entry[2]
	}
	c.rule = strings.Join(lines[i:], "\n")
	return c
}

// TestCorpus runs rules as NGOs write them, and what JavaScript they may use, and expects
// the answers that Node.js gives.
func TestCorpus(t *testing.T) {
	cases := readCorpus(t)
	if len(cases) < 150 {
		t.Fatalf("read %d rules, want at least 150", len(cases))
	}
	for _, zone := range corpusZones {
		t.Run(zone, func(t *testing.T) {
			inZone(t, zone)
			clock := now
			e := engineWith(t, EngineOptions{Timeout: 5 * time.Second, Now: func() time.Time { return clock }})
			for _, c := range cases {
				t.Run(c.file+"/"+c.name, func(t *testing.T) {
					clock = c.now(t)
					if got := corpusAnswer(t, e, c); got != c.want(zone) {
						t.Errorf("the answer is\n%s\nwant\n%s", got, c.want(zone))
					}
				})
			}
		})
	}
}

// corpusAnswer runs a rule and writes its answer as the corpus does.
func corpusAnswer(t *testing.T, e *Engine, c corpusCase) string {
	t.Helper()
	answer, err := e.answer(context.Background(), asha, c.rule, readCorpusInput(t, c.head["on"]))
	var failure *Failure
	switch {
	case errors.As(err, &failure):
		message, _, _ := strings.Cut(failure.Message, " (line ")
		if thrown, ok := strings.CutPrefix(message, "the rule threw "); ok {
			return "throws " + thrown
		}
		name, _, _ := strings.Cut(message, ":")
		return "throws " + name
	case err != nil:
		t.Fatal(err)
	case answer == "":
		return "undefined"
	}
	return answer
}

// readCorpusInput reads an entity of the corpus, in which an observation names its concept.
func readCorpusInput(t *testing.T, name string) Input {
	t.Helper()
	read := func(path string) *Record {
		text, err := os.ReadFile(filepath.Join("testdata", "corpus", path))
		if err != nil {
			t.Fatal(err)
		}
		return recordOf(t, string(text))
	}
	body, concepts := read(filepath.Join("entities", name+".json")), read("concepts.json")
	if err := nameConcepts(body, concepts); err != nil {
		t.Fatal(err)
	}
	return inputOf(body)
}

// nameConcepts puts a concept wherever an observation names one.
func nameConcepts(value any, concepts *Record) error {
	switch value := value.(type) {
	case List:
		for _, item := range value {
			if err := nameConcepts(item, concepts); err != nil {
				return err
			}
		}
	case *Record:
		for _, name := range value.Names() {
			field, _ := value.Get(name)
			if text, ok := field.(string); ok && name == "concept" {
				concept, ok := concepts.Get(text)
				if !ok {
					return fmt.Errorf("the corpus has no concept %q", text)
				}
				value.Set(name, concept)
			} else if err := nameConcepts(field, concepts); err != nil {
				return err
			}
		}
	}
	return nil
}

func inputOf(body *Record) Input {
	entityType, _ := body.Get("entityType")
	entity, _ := body.Get("entity")
	user, _ := body.Get("currentUser")
	groups, _ := body.Get("myUserGroups")
	return Input{EntityType: EntityType(entityType.(string)), Entity: entity.(*Record), User: user.(*Record), UserGroups: groups.(List)}
}
