package rules

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// RulesOf reads the message rules of an organisation that are not voided.
func (t *Tester) RulesOf(ctx context.Context, organisationID int32) ([]Rule, error) {
	rows, err := t.pool.Query(ctx, `select `+ruleColumns+` from message_rule where organisation_id = $1 and not is_voided order by id`, organisationID)
	if err != nil {
		return nil, fmt.Errorf("read message rules: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanRule)
	if err != nil {
		return nil, fmt.Errorf("read message rules: %w", err)
	}
	return found, nil
}

// Compile says what is wrong with the syntax of the two parts of a rule; nil: nothing.
func Compile(rule Rule) (schedule, message *Failure) {
	return compileRule(rule.ScheduleRule).failure, compileRule(rule.MessageRule).failure
}

// ScheduleText is a failure of the rule's schedule rule in words that hold nothing
// personal, and what to do about it.
func (r Rule) ScheduleText(f *Failure) (text, fix string) {
	return string(f.Kind) + ": " + f.plain(r.ScheduleRule), f.Kind.advice(schedulePhase)
}

// MessageText is ScheduleText for the rule's message rule.
func (r Rule) MessageText(f *Failure) (text, fix string) {
	return string(f.Kind) + ": " + f.plain(r.MessageRule), f.Kind.advice(messagePhase)
}

// typeTable says where the type is that rules of an entity type are about, and what column
// of the entities names it.
var typeTable = map[EntityType]struct{ table, column, noun string }{
	Subject:          {"subject_type", "subject_type_id", "subject type"},
	ProgramEnrolment: {"program", "program_id", "programme"},
	Encounter:        {"encounter_type", "encounter_type_id", "encounter type"},
	ProgramEncounter: {"encounter_type", "encounter_type_id", "encounter type"},
}

// Misfit says why a rule can never send anything, "" if it can, and what to do about it:
// what it is about and who receives it, without a look at its JavaScript.
func (t *Tester) Misfit(ctx context.Context, org Organisation, rule Rule) (why, fix string, err error) {
	const choose = "Choose %s for it again in Avni's web app."
	if tableOf[rule.EntityType] == "" {
		return fmt.Sprintf("it is about entity type %q, which rules cannot be about", rule.EntityType), fmt.Sprintf(choose, "what it is about"), nil
	}
	if rule.ReceiverType != "Subject" && rule.ReceiverType != "User" {
		return fmt.Sprintf("its receiver type is %q; it must be Subject or User", rule.ReceiverType), fmt.Sprintf(choose, "the receiver"), nil
	}
	if rule.EntityType == User {
		if rule.ReceiverType != "User" {
			return "it is about users, but for a subject, whom nobody can tell", fmt.Sprintf(choose, "the receiver (User)"), nil
		}
		return "", "", nil
	}
	about := typeTable[rule.EntityType]
	var voided bool
	err = t.pool.QueryRow(ctx, `select is_voided from `+about.table+` where id = $1 and organisation_id = any($2)`, rule.TypeID, org.VisibleIDs).Scan(&voided)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fmt.Sprintf("it is about %s %d, which the organisation does not have", about.noun, rule.TypeID), fmt.Sprintf(choose, "the "+about.noun), nil
	case err != nil:
		return "", "", fmt.Errorf("look for %s %d: %w", about.noun, rule.TypeID, err)
	case voided:
		return fmt.Sprintf("it is about %s %d, which is voided", about.noun, rule.TypeID), "Void the rule too in Avni's web app, or choose another " + about.noun + " for it.", nil
	}
	return "", "", nil
}

// Newest returns the id of the entity that was made last among those a rule is about, voided
// ones left out; false if there is none.
func (t *Tester) Newest(ctx context.Context, org Organisation, rule Rule) (id int64, found bool, err error) {
	sql := `select id from ` + tableOf[rule.EntityType] + ` where organisation_id = $1 and not is_voided`
	args := []any{org.ID}
	if rule.EntityType != User {
		sql, args = sql+` and `+typeTable[rule.EntityType].column+` = $2`, append(args, rule.TypeID)
	}
	err = t.pool.QueryRow(ctx, sql+` order by id desc limit 1`, args...).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look for the newest %s: %w", rule.EntityType, err)
	}
	return id, true, nil
}
