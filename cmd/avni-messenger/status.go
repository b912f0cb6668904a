package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"avni-messenger/cdc"
	"avni-messenger/internal/history"
)

const statusHelp = `Tells how the whole does: how far changes have been read, what waits for its rules and to
be sent, by organisation, and why it was not when it was last tried, what is paused or held
and how to release it, what failed of late, and what became of the messages of the last day.

It reads the database, so that it works whether avni-messenger runs or not, on any machine
that reaches it; give it the same environment as the running one. What only the running
process knows, such as that Glific does not answer just now, is told by avni-messenger
health.`

func newStatusCommand(c console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell what waits, what is held, and what became of messages",
		Long:  statusHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return readHistory(cmd.Context(), c, func(cfg Config, reader *history.Reader) error {
				o, err := reader.Overview(cmd.Context())
				switch {
				case err != nil:
					return err
				case asJSON:
					return printJSON(c.stdout, o)
				}
				statusPrinter{c.stdout, cfg, o}.print()
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// statusPrinter writes an overview for a terminal.
type statusPrinter struct {
	out io.Writer
	cfg Config
	history.Overview
}

func (p statusPrinter) print() {
	fmt.Fprintf(p.out, "At %s\n\n", clock(p.At))
	table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "processes\t%s\n", p.processes())
	fmt.Fprintf(table, "stream\t%s\n", p.stream())
	if p.Stream.CatchingUp != "" {
		fmt.Fprintf(table, "catch-up\t%s\n", p.Stream.CatchingUp)
	}
	for _, note := range p.keptBack() {
		fmt.Fprintf(table, "settings\t%s\n", note)
	}
	table.Flush()
	p.printOrganisations()
	p.printPaused()
	p.printStorms()
}

func (p statusPrinter) processes() string {
	if len(p.Instances) == 0 {
		return "none runs on this database: nothing is read, evaluated or sent. Start one: avni-messenger run"
	}
	names := make([]string, len(p.Instances))
	for i, one := range p.Instances {
		names[i] = fmt.Sprintf("%s since %s", one.Name, clock(one.Started))
		if !one.Sends {
			names[i] += " (MESSENGER_DISPATCH is off there)"
		}
		if one.Slot != p.Stream.Slot {
			names[i] += " (slot " + one.Slot + ")"
		}
	}
	return fmt.Sprintf("%s: %s", counted(len(names), "runs", "run"), strings.Join(names, ", "))
}

func (p statusPrinter) stream() string {
	s := p.Stream
	if !s.SlotExists {
		return fmt.Sprintf("there is no slot %s: changes are not kept for avni-messenger. avni-messenger setup makes it", s.Slot)
	}
	text := fmt.Sprintf("slot %s read up to %s, %s behind", s.Slot, s.Position, cdc.Bytes(s.Lag))
	if !s.Active {
		text += ", nobody reads it now"
	}
	if !s.LastChange.IsZero() {
		text += ", last change committed at " + clock(s.LastChange)
	}
	text += fmt.Sprintf(", PostgreSQL keeps %s of WAL for it", cdc.Bytes(s.Retained))
	if s.WALStatus != "" && s.WALStatus != "reserved" {
		text += " (" + s.WALStatus + ")"
	}
	return text
}

// keptBack are settings and hours that keep messages back.
func (p statusPrinter) keptBack() (notes []string) {
	if !p.cfg.Rules {
		notes = append(notes, "MESSENGER_RULES is off: changes wait in the inbox")
	}
	notes = append(notes, p.cfg.keptBack()...)
	if until, quiet := p.cfg.quietHours().End(p.At); quiet {
		notes = append(notes, "quiet hours until "+clock(until))
	}
	return notes
}

func (p statusPrinter) printOrganisations() {
	for _, o := range p.Organisations {
		mode := "not served"
		if o.Served {
			mode = "mode " + o.Standing.Mode
		}
		fmt.Fprintf(p.out, "\n%s, %s\n", o.Name, mode)
		p.printHeld(o)
		table := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "  inbox\t%s\n", p.waiting(o.Inbox, "no change waits for its rules", "change waits", "changes wait"))
		fmt.Fprintf(table, "  due\t%s\n", p.due(o))
		for _, tried := range o.Tried {
			printTried(table, tried)
		}
		fmt.Fprintf(table, "  queue\t%s\n", listed(o.Queue, "nothing waits"))
		fmt.Fprintf(table, "  accepted, last 24 h\t%s\n", listed(o.Receipts, "nothing"))
		for _, lost := range o.Lost {
			printReason(table, "did not arrive", lost)
		}
		for _, failure := range o.Failures {
			printReason(table, "not sent, last 3 days", failure)
		}
		table.Flush()
	}
	if len(p.Organisations) == 0 {
		fmt.Fprintln(p.out, "\nNo organisation is served. One is once it has a Glific configuration in Avni, unless MESSENGER_ORGANISATIONS or MESSENGER_MODE is none.")
	}
}

func (p statusPrinter) printHeld(o history.OrganisationNow) {
	switch {
	case o.Hold != "": // Standing has the same then
		fmt.Fprintf(p.out, "  HELD %s\n  → %s\n", o.Hold, o.HoldFix)
	case o.Standing.Held != "" && !o.Served:
		fmt.Fprintf(p.out, "  WARNING: %s\n  → %s\n", o.Standing.Held, o.Standing.Fix)
	case o.Standing.Held != "":
		fmt.Fprintf(p.out, "  HELD BACK: %s\n  → %s\n", o.Standing.Held, o.Standing.Fix)
	}
}

// due says how many messages should have been sent by now, and by whom if not by us.
func (p statusPrinter) due(o history.OrganisationNow) string {
	text := p.waiting(o.Due, "no message is due", "message is due", "messages are due")
	if o.Due.Count > 0 && o.Standing.Mode == string(ModeShadow) {
		text += "; in mode shadow that is left to avni-server"
	}
	return text
}

// printTried says why messages that are due were not sent when they were tried.
func printTried(out io.Writer, t history.Tried) {
	text := t.Text
	if t.Detail != "" {
		text += " (" + t.Detail + ")"
	}
	fmt.Fprintf(out, "  \t%s last tried at %s: %s\n", counted(t.Count, "of them was", "of them were"), clock(t.Last), text)
	if t.Fix != "" {
		fmt.Fprintf(out, "  \t→ %s\n", t.Fix)
	}
}

func printReason(out io.Writer, what string, r history.Reason) {
	fmt.Fprintf(out, "  %s\t%d: %s\n", what, r.Count, r.Text)
	if r.Fix != "" {
		fmt.Fprintf(out, "  \t→ %s\n", r.Fix)
	}
}

func (p statusPrinter) waiting(c history.Counted, none, one, more string) string {
	if c.Count == 0 {
		return none
	}
	return fmt.Sprintf("%s, the oldest since %s", counted(c.Count, one, more), clock(c.Oldest))
}

func listed(statuses []history.Status, none string) string {
	if len(statuses) == 0 {
		return none
	}
	parts := make([]string, len(statuses))
	for i, s := range statuses {
		status := s.Status
		if status == "pending" {
			status = "not heard of yet"
		}
		parts[i] = fmt.Sprintf("%d %s", s.Count, status)
	}
	return strings.Join(parts, ", ")
}

func (p statusPrinter) printPaused() {
	for _, r := range p.Rules {
		what := "changes wait"
		if r.Script == "message" {
			what = "messages wait"
		}
		fmt.Fprintf(p.out, "\nPAUSED: the %s rule of rule %d %q of %s since %s, because it failed too often: %s; %d %s for it\n"+
			"  → correct it in Avni, or avni-messenger rule resume --rule %d\n", r.Script, r.RuleID, r.Rule, r.Organisation, clock(r.Since), r.Why, r.Waiting, what, r.RuleID)
	}
}

func (p statusPrinter) printStorms() {
	for _, s := range p.Storms {
		fmt.Fprintf(p.out, "\nHELD by the storm guard: %s of rule %d %q of %s, from the transaction %s committed at %s\n"+
			"  → avni-messenger release --rule %d --transaction %s, or cancel with the same\n", counted(s.Count, "request", "requests"), s.RuleID, s.Rule, s.Organisation,
			s.Transaction, clock(s.CommittedAt), s.RuleID, s.Transaction)
	}
	if p.MoreStorms > 0 {
		fmt.Fprintf(p.out, "\n%s\n  → avni-messenger release lists them\n", moreHeld(p.MoreStorms, p.MoreMessages))
	}
}
