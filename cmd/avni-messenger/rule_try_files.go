package main

import (
	"fmt"
	"os"
	"strings"

	"avni-messenger/rules"
)

// ruleTexts are the scripts of a rule that files give; nil where there is no file.
type ruleTexts struct{ schedule, message *string }

func (t ruleTexts) any() bool { return t.schedule != nil || t.message != nil }

// file is where a script comes from, "" if from Avni.
func (of trialOf) file(script string) string {
	if script == "message" {
		return of.messageFile
	}
	return of.scheduleFile
}

func (of trialOf) readFiles() (texts ruleTexts, err error) {
	if texts.schedule, err = readRuleFile(of.scheduleFile); err != nil {
		return texts, fmt.Errorf("--schedule: %w", err)
	}
	if texts.message, err = readRuleFile(of.messageFile); err != nil {
		return texts, fmt.Errorf("--message: %w", err)
	}
	return texts, nil
}

// byteOrderMark is what some editors put before a text.
const byteOrderMark = "\ufeff"

func readRuleFile(path string) (*string, error) {
	if path == "" {
		return nil, nil
	}
	read, err := os.ReadFile(path)
	if err != nil {
		return nil, err // names the file and what is wrong
	}
	text := strings.TrimPrefix(string(read), byteOrderMark)
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return &text, nil
}

// replaceIn returns the rule with the scripts of the files.
func (t ruleTexts) replaceIn(rule rules.Rule) rules.Rule {
	if t.schedule != nil {
		rule.ScheduleRule = *t.schedule
	}
	if t.message != nil {
		rule.MessageRule = *t.message
	}
	return rule
}
