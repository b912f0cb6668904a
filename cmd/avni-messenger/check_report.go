package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// grade is how a thing that was looked at is.
type grade string

const (
	gradeOK      grade = "ok"
	gradeWarning grade = "warning" // works, but somebody should know
	gradeFailing grade = "failing" // must be mended
	gradeSkipped grade = "skipped" // could not be looked at, for want of something that is reported
)

// finding is one thing that was looked at.
type finding struct {
	Grade  grade  `json:"status"`
	What   string `json:"what"`
	Found  string `json:"found"`
	Wanted string `json:"wanted,omitempty"`
	Mend   string `json:"mend,omitempty"`
}

func fine(what, format string, args ...any) finding {
	return finding{Grade: gradeOK, What: what, Found: fmt.Sprintf(format, args...)}
}

func warning(what, found, wanted, mend string) finding {
	return finding{gradeWarning, what, found, wanted, capital(mend)}
}

func failing(what, found, wanted, mend string) finding {
	return finding{gradeFailing, what, found, wanted, capital(mend)}
}

// capital lets advice that others put at the end of a sentence begin one.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func skipped(what, why string) finding {
	return finding{Grade: gradeSkipped, What: what, Found: "not looked at: " + why}
}

// section is findings under one heading.
type section struct {
	Name     string    `json:"name"`
	Findings []finding `json:"findings"`

	look    func(context.Context, *section)
	explain func(error) *obstacle
	done    chan struct{}
}

// check makes one check under a time limit of its own. One that cannot be made says so and
// keeps nothing else from being checked.
func (s *section) check(ctx context.Context, what string, limit time.Duration, do func(context.Context) ([]finding, error)) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found, err := do(ctx)
	s.Findings = append(s.Findings, found...)
	if err == nil {
		return
	}
	var absent *unavailable
	if errors.As(err, &absent) {
		s.Findings = append(s.Findings, skipped(what, absent.why))
		return
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		s.Findings = append(s.Findings, failing(what, fmt.Sprintf("could not be checked: it took longer than %s", limit), "", "Try again when the machine and PostgreSQL are less busy."))
		return
	}
	reason := s.explain(err)
	fix := orDefault(reason.Fix, "See whether that is explained by what is said of the role and of Avni's tables; if not, by PostgreSQL's log.")
	s.Findings = append(s.Findings, failing(what, "could not be checked: "+reason.Detail, "", fix))
}

// unavailable is why a check cannot be made that something else has been reported for.
type unavailable struct{ why string }

func (u *unavailable) Error() string { return u.why }

// report is the answer of the command.
type report struct {
	Version  string    `json:"version"`
	Database string    `json:"database"`
	OK       int       `json:"ok"`
	Warnings int       `json:"warnings"`
	Failing  int       `json:"failing"`
	Skipped  int       `json:"skipped"`
	Sections []section `json:"sections"`
}

func (r *report) add(s *section) {
	r.Sections = append(r.Sections, section{Name: s.Name, Findings: s.Findings})
	for _, f := range s.Findings {
		switch f.Grade {
		case gradeOK:
			r.OK++
		case gradeWarning:
			r.Warnings++
		case gradeFailing:
			r.Failing++
		case gradeSkipped:
			r.Skipped++
		}
	}
}
