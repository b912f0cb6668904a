package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"avni-messenger/rules"
)

// print writes the report for a terminal.
func (r *trialReport) print(out io.Writer) {
	if r.Rule != nil {
		fmt.Fprintf(out, "rule %d %q of %s\n", r.Rule.ID, r.Rule.Name, r.Rule.Organisation)
	}
	fmt.Fprintf(out, "%s %d%s of %s, uuid %s, saved %s\n", r.Entity.Type, r.Entity.ID, inBrackets(r.Entity.TypeName), r.Entity.Organisation,
		r.Entity.UUID, r.Entity.SavedAt.Local().Format("2006-01-02 15:04:05 MST"))
	for _, note := range r.Notes {
		fmt.Fprintf(out, "NOTE  %s\n", note)
	}
	if r.Schedule != nil {
		r.Schedule.print(out)
	}
	if r.Message != nil {
		r.Message.print(out)
	}
	r.Receiver.print(out)
	r.printLoaded(out)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func (s *trialScript) heading(out io.Writer, name string) {
	from := ""
	if s.File != "" {
		from = " from " + s.File
	}
	fmt.Fprintf(out, "\n%s rule%s: %.1f ms, and %.1f ms to load\n", name, from, s.Milliseconds, s.LoadingMS)
	if s.Failure != nil {
		s.Failure.print(out)
	}
}

func (s *trialScript) printConsole(out io.Writer) {
	if len(s.Console) > 0 {
		fmt.Fprintf(out, "  it printed\n%s\n", indent(strings.Join(s.Console, "\n")))
	}
}

func (s *trialSchedule) print(out io.Writer) {
	s.heading(out, "schedule")
	if s.Failure == nil {
		line := func(name string, said []byte, read string) {
			if len(said) == 0 {
				said = []byte("-")
			}
			fmt.Fprintf(out, "  %-17s %s%s\n", name, said, inBrackets(read))
		}
		line("shouldSend", s.ShouldSend, s.ShouldSendRead)
		line("scheduledDateTime", s.ScheduledDateTime, s.ScheduledDateTimeRead)
		if s.DueAt != nil {
			fmt.Fprintf(out, "  %-17s %s = %s\n", "that is", s.DueAt.Local().Format("2006-01-02 15:04:05 MST"), s.DueAt.Format("2006-01-02 15:04:05 MST"))
		}
	}
	fmt.Fprintf(out, "  → %s\n", s.Fate)
	s.printConsole(out)
}

func (m *trialMessage) print(out io.Writer) {
	m.heading(out, "message")
	if m.Failure == nil {
		fmt.Fprintf(out, "  %s\n", counted(len(m.Parameters), "parameter", "parameters"))
	}
	for i, p := range m.Parameters {
		fmt.Fprintf(out, "    %d: %s%s\n", i+1, quoted(p.Text), refused(p.Refused))
	}
	m.Template.print(out)
	m.printConsole(out)
}

func (t trialTemplate) print(out io.Writer) {
	if t.ID == "" {
		return
	}
	fmt.Fprintf(out, "  template %s", t.ID)
	if t.Status != "" {
		fmt.Fprintf(out, ", %s, language %s", t.Status, t.Language)
	}
	fmt.Fprintf(out, "%s\n", refused(t.Refused))
	if t.Note != "" {
		fmt.Fprintf(out, "    %s\n", t.Note)
	}
	for line := range strings.Lines(t.Text) {
		fmt.Fprintf(out, "    | %s\n", strings.TrimRight(line, "\r\n"))
	}
}

func (r trialReceiver) print(out io.Writer) {
	text := r.Note
	switch {
	case r.Refused != "":
		text = "REFUSED: " + r.Refused
	case r.Held != "":
		text = r.Number + ", a usable number, but nothing is sent to it: " + r.Held
	case r.Number != "":
		text = r.Number + ", a usable number"
	}
	fmt.Fprintf(out, "\nreceiver\n  %s %d: %s\n", r.Type, r.ID, text)
}

func refused(why string) string {
	if why == "" {
		return ""
	}
	return "   REFUSED: " + why
}

func (r *trialReport) printLoaded(out io.Writer) {
	if r.Schedule != nil {
		printLoaded(out, "schedule", r.Schedule.Loaded)
	}
	if r.Message != nil {
		printLoaded(out, "message", r.Message.Loaded)
	}
}

func printLoaded(out io.Writer, name string, loaded []rules.Loaded) {
	fmt.Fprintf(out, "\nread for the %s rule\n", name)
	for _, l := range loaded {
		var tables []string
		for _, t := range l.Tables {
			tables = append(tables, fmt.Sprintf("%s %d", t.Table, t.Rows))
		}
		fmt.Fprintf(out, "  %-19s %s%s\n", l.What, strings.Join(tables, ", "), inBrackets(touchedAt(l)))
	}
}

func touchedAt(l rules.Loaded) string {
	switch {
	case l.Line > 0:
		return fmt.Sprintf("for line %d, column %d", l.Line, l.Column)
	case l.Touched:
		return "the rule touched it"
	}
	return ""
}

// mostQuoted is how much of a text is shown, in characters.
const mostQuoted = 500

// quoted shows where a text begins and ends, and what in it cannot be seen. Joiners, which
// the scripts of South Asia need, stay as they are.
func quoted(text string) string {
	var b strings.Builder
	shown := 0
	for _, r := range text {
		if shown++; shown > mostQuoted {
			return `"` + b.String() + fmt.Sprintf(`"… (%d characters)`, len([]rune(text)))
		}
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r) || r == '\u200c' || r == '\u200d':
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return `"` + b.String() + `"`
}
