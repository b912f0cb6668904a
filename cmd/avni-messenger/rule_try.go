package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

const ruleTestHelp = `Runs a message rule on something that is in Avni and shows what the rule answers: when a
message would be due, what would become of it now, its parameters and its text, who would
get it and whether their number can be used, what the rule printed, how long it took, and
what was read of Avni's tables for it.

Nothing is written, to no table, and no message is sent: try what you like, also on the
database in use. The database session itself is read-only. What is shown is personal data,
of whom the rule is about; of phone numbers only the last four digits, unless
--show-numbers is given. The template's text is asked of Glific with the organisation's own
account, unless --no-glific is given.

The rule is message_rule.id, its uuid or its name. The entity is written as its type and
its id or uuid; a uuid needs no type, and an id takes the rule's. The types are Subject,
ProgramEnrolment, Encounter, ProgramEncounter and User.

With --schedule or --message that script of the rule is taken from a file: so a change is
tried before it is saved in Avni. Without --rule only the scripts of the files are run.

  avni-messenger rule test --rule 603 --entity ProgramEncounter:1001
  avni-messenger rule test --rule "ANC reminder" --entity 1001 --schedule new.js
  avni-messenger rule test --entity Subject:1001 --schedule new.js --message text.js

With --all it runs on the entities that were saved last, prints a line for each and then
sums: how many messages would be sent, how often the rule fails and how, how long it takes.
With a file it compares, and tells where the new text answers differently from the one
that is saved. Ctrl-C ends it with the sums so far. With --json each line is an object.

  avni-messenger rule test --rule 603 --all --last 1000
  avni-messenger rule test --rule 603 --all --since 720h --schedule new.js

The exit code is 1 if the rule failed.`

// trialOf is what `rule test` was asked to run.
type trialOf struct {
	rule, entity              string
	scheduleFile, messageFile string

	noGlific, showNumbers, json bool

	all   bool
	last  int
	since time.Duration
}

// maxLast bounds what --all has to remember.
const maxLast = 100_000

func newRuleTestCommand(c console) *cobra.Command {
	var of trialOf
	cmd := &cobra.Command{
		Use:   "test --rule RULE --entity TYPE:ID",
		Short: "Run a message rule on something in Avni and show the answer; writes and sends nothing",
		Long:  ruleTestHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := of.check(cmd.Flags().Changed); err != nil {
				return err
			}
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return testRule(cmd.Context(), cfg, of, c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&of.rule, "rule", "", "message_rule.id, its uuid or its name")
	flags.StringVar(&of.entity, "entity", "", "what to run it on: Subject:1001, a uuid, or an id of the rule's entity type")
	flags.StringVar(&of.scheduleFile, "schedule", "", "a file to take the schedule rule from")
	flags.StringVar(&of.messageFile, "message", "", "a file to take the message rule from")
	flags.BoolVar(&of.noGlific, "no-glific", false, "do not ask Glific for the template")
	flags.BoolVar(&of.showNumbers, "show-numbers", false, "show phone numbers in full")
	flags.BoolVar(&of.json, "json", false, "print JSON")
	flags.BoolVar(&of.all, "all", false, "run it on the entities that were saved last")
	flags.IntVar(&of.last, "last", 100, "with --all: on how many at most")
	flags.DurationVar(&of.since, "since", 0, "with --all: only on those saved within this time, such as 720h")
	return cmd
}

func (of trialOf) check(given func(flag string) bool) error {
	switch {
	case of.all && of.rule == "":
		return &usageError{"--all needs --rule: message_rule.id, its uuid or its name; with --schedule or --message, what is saved is compared with the file"}
	case of.all && of.entity != "":
		return &usageError{"--all and --entity exclude each other"}
	case of.all && (of.last < 1 || of.last > maxLast):
		return &usageError{fmt.Sprintf("--last is %d; it must be between 1 and %d", of.last, maxLast)}
	case of.since < 0:
		return &usageError{fmt.Sprintf("--since is %s; it must be a time span such as 720h", of.since)}
	case !of.all && (given("last") || given("since")):
		return &usageError{"--last and --since go with --all"}
	case of.all:
		return nil
	case of.rule == "" && of.scheduleFile == "" && of.messageFile == "":
		return &usageError{"nothing to run: give --rule (message_rule.id, its uuid or its name), or --schedule or --message with a file"}
	case of.entity == "":
		return &usageError{"--entity or --all must be given: what to run the rule on, such as --entity Subject:1001"}
	}
	return nil
}

// errRuleFailed ends `rule test` with exit code 1 after the failure has been shown.
var errRuleFailed = errors.New("the rule failed")

func testRule(ctx context.Context, cfg Config, of trialOf, c console) error {
	name, err := of.entityName()
	if err != nil {
		return err
	}
	texts, err := of.readFiles()
	if err != nil {
		return err
	}
	setLocalTime(cfg.Timezone)
	b, err := openBench(ctx, cfg)
	if err != nil {
		return err
	}
	defer b.pool.Close()
	saved, entity, err := b.find(ctx, of, name)
	if err != nil {
		return forOperator(err, cfg)
	}
	standing, err := b.standing(ctx, saved.OrganisationID)
	if err != nil {
		return err
	}
	if of.all {
		return b.survey(ctx, of, standing, saved, texts, c.stdout)
	}
	rule := texts.replaceIn(saved)
	trial, err := b.tester.Try(ctx, standing.rules, rule, entity)
	if err != nil {
		return forOperator(err, cfg)
	}
	report := b.report(ctx, of, standing, rule, trial)
	if of.json {
		err = printJSON(c.stdout, report)
	} else {
		report.print(c.stdout)
	}
	if err == nil && trial.Failed() {
		err = errRuleFailed
	}
	return err
}

// entityName reads --entity; an error of it is the command line's.
func (of trialOf) entityName() (rules.EntityName, error) {
	if of.all {
		return rules.EntityName{}, nil
	}
	name, err := rules.ParseEntityName(of.entity)
	if err == nil && of.rule == "" && name.Type == "" && name.UUID == "" {
		err = fmt.Errorf("%q does not say of which type it is, and there is no --rule that does: write it as Subject:%s", of.entity, of.entity)
	}
	if err != nil {
		return name, &usageError{"--entity: " + err.Error()}
	}
	return name, nil
}
