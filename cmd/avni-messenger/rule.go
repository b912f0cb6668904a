package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

const ruleTestHelp = `Runs a message rule on an entity of the database and shows what it answers: when a
message would be due, its parameters, what the rule printed, and how long it took.
Nothing is written and nothing is sent. What it shows is personal data: names and
numbers of the entity that the rule uses.

The entity is one of the rule's entity type, by id or uuid. With --schedule-file or
--message-file the rule's own text is replaced by that of a file, to try a change before
it is saved in Avni.

  avni-messenger rule test --rule 603 --entity 1001
  avni-messenger rule test --rule 603 --entity 1001 --schedule-file new.js`

func newRuleCommand(c console) *cobra.Command {
	group := &cobra.Command{
		Use:   "rule",
		Short: "Try message rules, or let paused ones go on",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var of trialOf
	test := &cobra.Command{
		Use:   "test --rule ID --entity ID",
		Short: "Run a message rule on an entity and show the answer",
		Long:  ruleTestHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if of.rule == 0 || of.entity == "" {
				return &usageError{"--rule and --entity must both be given: message_rule.id, and the id or uuid of a row of the rule's entity type"}
			}
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return testRule(cmd.Context(), cfg, of, c.stdout)
		},
	}
	test.Flags().Int64Var(&of.rule, "rule", 0, "message_rule.id")
	test.Flags().StringVar(&of.entity, "entity", "", "id or uuid of a row of the rule's entity type")
	test.Flags().StringVar(&of.scheduleFile, "schedule-file", "", "a file to take the schedule rule from")
	test.Flags().StringVar(&of.messageFile, "message-file", "", "a file to take the message rule from")
	group.AddCommand(test, newRuleResumeCommand(c))
	return group
}

// trialOf is what `rule test` was asked to run.
type trialOf struct {
	rule                      int64
	entity                    string
	scheduleFile, messageFile string
}

// errRuleFailed ends `rule test` with exit code 1 after the failure has been shown.
var errRuleFailed = errors.New("the rule failed")

func testRule(ctx context.Context, cfg Config, of trialOf, out io.Writer) error {
	setLocalTime(cfg.Timezone)
	pool, err := newPool(cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := preflight(ctx, pool); err != nil {
		return explain(err, cfg)
	}
	options, err := cfg.engineOptions()
	if err != nil {
		return err
	}
	tester, err := rules.NewTester(pool, options)
	if err != nil {
		return engineError(err)
	}
	rule, err := tester.Rule(ctx, of.rule)
	if err != nil {
		return found(err, cfg)
	}
	if err := of.replaceTexts(&rule); err != nil {
		return err
	}
	all, err := readAvni(ctx, pool)
	if err != nil {
		return explain(err, cfg)
	}
	org, known := organisationOf(rule, all)
	if !known {
		return fmt.Errorf("message rule %d belongs to organisation %d, which does not exist", rule.ID, rule.OrganisationID)
	}
	trial, err := tester.Try(ctx, org, rule, of.entity)
	if err != nil {
		return found(err, cfg)
	}
	return showTrial(out, org, rule, trial, cfg.SinceDays)
}

// found leaves what is simply not there as it is, and explains other errors.
func found(err error, cfg Config) error {
	var missing *rules.NotFound
	if errors.As(err, &missing) {
		return missing
	}
	return explain(err, cfg)
}

func (of trialOf) replaceTexts(rule *rules.Rule) error {
	for file, text := range map[string]*string{of.scheduleFile: &rule.ScheduleRule, of.messageFile: &rule.MessageRule} {
		if file == "" {
			continue
		}
		read, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read rule: %w", err)
		}
		*text = string(read)
	}
	return nil
}

// organisationOf is the organisation of a rule, whether it is served or not.
func organisationOf(rule rules.Rule, all avniRows) (rules.Organisation, bool) {
	i := slices.IndexFunc(all.organisations, func(row organisationRow) bool { return row.ID == rule.OrganisationID })
	if i < 0 {
		return rules.Organisation{}, false
	}
	parents := make(map[int32]*int32, len(all.organisations))
	for _, row := range all.organisations {
		parents[row.ID] = row.Parent
	}
	org := newStanding(all.organisations[i], ModeShadow, lineage(rule.OrganisationID, parents)).rules
	config, _, _ := chooseGlific(org.ID, all.glific) // a rule can be tried before Glific is configured
	org.AvniSystemUserID, _ = findUser(config.systemUser, org.VisibleIDs, all.users)
	return org, true
}

func showTrial(out io.Writer, org rules.Organisation, rule rules.Rule, trial rules.Trial, sinceDays int) error {
	note := ""
	if rule.Voided {
		note = " (voided: it is never run)"
	}
	fmt.Fprintf(out, "rule %d %q of %s%s\n%s %d, uuid %s\n", rule.ID, rule.Name, org.DBUser, note, rule.EntityType, trial.EntityID, trial.EntityUUID)
	if trial.Withdrawn != "" {
		fmt.Fprintf(out, "no message would be sent: %s\n", trial.Withdrawn)
	}
	fmt.Fprintf(out, "\nschedule rule, %s\n  %s\n", millis(trial.ScheduleRun.Took), scheduleAnswer(trial, sinceDays))
	showConsole(out, trial.ScheduleRun)
	fmt.Fprintf(out, "\nmessage rule, %s\n", millis(trial.MessageRun.Took))
	if failure := trial.MessageRun.Failure; failure != nil {
		fmt.Fprintf(out, "  %s\n", failureText(failure))
	} else {
		fmt.Fprintf(out, "  template %s, %d parameters\n", rule.TemplateID, len(trial.Parameters))
	}
	for i, parameter := range trial.Parameters {
		fmt.Fprintf(out, "    %d: %s\n", i+1, parameter)
	}
	showConsole(out, trial.MessageRun)
	if trial.ScheduleRun.Failure != nil || trial.MessageRun.Failure != nil {
		return errRuleFailed
	}
	return nil
}

func scheduleAnswer(trial rules.Trial, sinceDays int) string {
	switch s := trial.Schedule; {
	case trial.ScheduleRun.Failure != nil:
		return failureText(trial.ScheduleRun.Failure)
	case !s.Send:
		return "shouldSend is false: no message"
	case s.At.IsZero():
		return "no scheduledDateTime: no message"
	}
	text := "due at " + trial.Schedule.At.In(time.Local).Format("2006-01-02 15:04:05 MST")
	if trial.Schedule.At.Before(time.Now().AddDate(0, 0, -sinceDays)) {
		text += fmt.Sprintf(": more than %d days ago, so it would not be sent any more (AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS)", sinceDays)
	}
	return text
}

func failureText(f *rules.Failure) string {
	text := "FAILED, " + f.Error()
	if f.Stack != "" {
		text += "\n" + indent(f.Stack)
	}
	return text
}

func showConsole(out io.Writer, ran rules.Run) {
	if len(ran.Console) > 0 {
		fmt.Fprintf(out, "  it printed\n%s\n", indent(strings.Join(ran.Console, "\n")))
	}
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
