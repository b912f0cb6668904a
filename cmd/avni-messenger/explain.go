package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/internal/history"
)

const explainHelp = `Tells what became of messages, in plain words: the change that led to each, what its rule
answered, when it was due, every attempt, Glific's id, what became of it, where it stands
now, and what to do. It only reads, whether avni-messenger runs or not; give it the same
environment as the running one.

It may be asked about

  a phone number, however it is written: everything for every subject and user with it,
  and everything that was ever sent to it; one that is not valid, as it is written in Avni
  or by its last digits, if a message could not be sent for that reason
  a uuid: of a subject, an enrolment, a visit, a user, a request, or a message rule
  a request: message_request_queue.id, as the log and messenger.delivery name it
  a type and an id: Subject:1001, ProgramEnrolment:12, Encounter:7, ProgramEncounter:7,
  User:202, Rule:601

The exit code is 1 if nothing is found. The output holds names, phone numbers and texts of
messages: mind where you paste it.

  avni-messenger explain 98765 00001
  avni-messenger explain +919876500001 --organisation asha_gramin
  avni-messenger explain 931
  avni-messenger explain Subject:1001 --json`

func newExplainCommand(c console) *cobra.Command {
	var organisation string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain PHONE|UUID|REQUEST",
		Short: "Tell what became of a message, and why",
		Long:  explainHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			asked := history.Question{Text: strings.Join(args, " "), Organisation: organisation} // a number may be written with blanks
			if strings.TrimSpace(asked.Text) == "" {
				return &usageError{"explain needs to know what about: a phone number, a uuid, a request's number, or a type and an id such as Subject:1001"}
			}
			return readHistory(cmd.Context(), c, func(cfg Config, reader *history.Reader) error {
				found, err := reader.Explain(cmd.Context(), asked)
				if err != nil {
					return err
				}
				if asJSON {
					err = printJSON(c.stdout, found)
				} else {
					printExplanation(c.stdout, found, cfg.Timezone)
				}
				if err == nil && !found.Known {
					return errNotAll
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&organisation, "organisation", "", "only this one: its db_user or id, also if it is not served")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// printExplanation writes an explanation for a terminal.
func printExplanation(out io.Writer, x history.Explanation, zone Timezone) {
	asked := x.Read
	if len(x.Phones) > 0 {
		asked += ", " + strings.Join(x.Phones, " or ")
	}
	fmt.Fprintf(out, "%s: %s. Times are in %s.\n", x.Question, asked, zone)
	for _, p := range x.People {
		fmt.Fprintln(out, "\n"+personLine(p))
		if p.Note != "" {
			fmt.Fprintln(out, "  "+p.Note)
		}
	}
	for _, s := range x.Stories {
		printStory(out, s, zone)
	}
	if len(x.Notes) > 0 {
		fmt.Fprintln(out)
	}
	for _, note := range x.Notes {
		fmt.Fprintln(out, note)
	}
}

func personLine(p history.Person) string {
	text := fmt.Sprintf("%s %d (%s) of %s, uuid %s", p.Type, p.ID, p.Name, p.Organisation, p.UUID)
	if p.Phone != "" {
		text += ", messages go to " + p.Phone
	}
	return text
}

func printStory(out io.Writer, s history.Story, zone Timezone) {
	fmt.Fprintf(out, "\n%s (%s)\n", s.Title, s.Organisation)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if s.Earlier > 0 {
		fmt.Fprintf(table, "  …\t%s before\n", counted(s.Earlier, "event", "events"))
	}
	for _, e := range s.Events {
		text := e.What
		if e.Detail != "" {
			text += " (" + e.Detail + ")"
		}
		fmt.Fprintf(table, "  %s\t%s\n", e.At.In(zone.Location()).Format(time.DateTime), text)
	}
	table.Flush()
	if s.TemplateID != "" {
		fmt.Fprintf(out, "  message: template %s", s.TemplateID)
		if len(s.Parameters) > 0 {
			fmt.Fprintf(out, " with %q", s.Parameters)
		}
		if s.Phone != "" {
			fmt.Fprintf(out, ", to %s", s.Phone)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "  ⇒ %s\n", s.Standing.Text)
	if s.Standing.Fix != "" {
		fmt.Fprintf(out, "  → %s\n", s.Standing.Fix)
	}
}
