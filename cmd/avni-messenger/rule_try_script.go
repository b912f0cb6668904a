package main

import (
	"math"
	"time"

	"avni-messenger/rules"
)

// trialScript is how the run of one script went.
type trialScript struct {
	File         string         `json:"file,omitempty"` // "": as it is saved in Avni
	Milliseconds float64        `json:"milliseconds"`
	LoadingMS    float64        `json:"loadingMilliseconds"`
	Failure      *trialFailure  `json:"failure,omitempty"`
	Console      []string       `json:"console,omitempty"`
	Loaded       []rules.Loaded `json:"loaded"`
}

// trialFailure is a failure and the place of it in the script.
type trialFailure struct {
	Kind    rules.FailureKind `json:"kind"`
	Message string            `json:"message"`
	Line    int               `json:"line,omitempty"`
	Column  int               `json:"column,omitempty"`
	Source  string            `json:"source,omitempty"` // of the line
	Stack   string            `json:"stack,omitempty"`
}

func newTrialScript(file, text string, run rules.Run) trialScript {
	return trialScript{File: file, Milliseconds: milliseconds(run.Took), LoadingMS: milliseconds(run.Loading),
		Failure: newTrialFailure(run.Failure, text), Console: run.Console, Loaded: run.Loaded}
}

func newTrialFailure(failed *rules.Failure, text string) *trialFailure {
	if failed == nil {
		return nil
	}
	f := &trialFailure{Kind: failed.Kind, Message: failed.Message, Stack: failed.Stack}
	if at, ok := failed.Place(text); ok {
		f.Line, f.Column, f.Source = at.Line, at.Column, at.Text
	}
	return f
}

// milliseconds is a time to the hundredth of one.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(10*time.Microsecond)) / 100
}
