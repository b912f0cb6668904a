package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ParityQuery says what a parity report is about.
type ParityQuery struct {
	OrganisationID int32     // 0: all
	Since          time.Time // what was evaluated, or sent, since then
	Examples       int       // how many of each kind of difference; 0: all
}

// OrganisationParity is what shadow mode has found out about one organisation.
type OrganisationParity struct {
	Organisation string        `json:"organisation"` // organisation.db_user
	Compared     int           `json:"compared"`     // rules and entities
	Same         int           `json:"same"`
	Explained    int           `json:"explained"`   // different, for a known cause that is no fault
	ToMend       int           `json:"to_mend"`     // different, for a cause that has to be mended first
	Unexplained  int           `json:"unexplained"` // different, for no known cause
	Waiting      int           `json:"waiting"`     // not compared yet
	Own          int           `json:"own"`         // compared with nothing: queued by ourselves, in mode full
	Ready        bool          `json:"ready"`       // to be served
	NotReady     []string      `json:"not_ready"`   // why it is not
	Rules        []RuleParity  `json:"rules"`
	Sent         int           `json:"sent"`       // messages of rules, by avni-server
	WouldSend    int           `json:"would_send"` // of these
	Unsent       []SendingSkip `json:"would_not_send"`

	alone bool // in shadow mode while avni-server's own messaging is off
}

// RuleParity is one rule of it that is paused, or whose entities were saved.
type RuleParity struct {
	RuleID      int64              `json:"rule"`
	Name        string             `json:"name"`
	EntityType  EntityType         `json:"entity_type"`
	Paused      bool               `json:"paused"` // one of its scripts failed too often
	Same        int                `json:"same"`
	Waiting     int                `json:"waiting"` // not compared yet, since whenever
	Overdue     int                `json:"overdue"` // of these, for longer than that takes
	Own         int                `json:"own"`     // compared with nothing: queued by ourselves, in mode full
	Differences []ParityDifference `json:"differences"`
}

// ParityDifference is the differences of a rule that have one cause.
type ParityDifference struct {
	Cause    Cause           `json:"cause"` // "": none is known
	Text     string          `json:"text"`
	Advice   string          `json:"advice"`
	Open     bool            `json:"open"`
	Count    int             `json:"count"`
	Examples []ParityExample `json:"examples"`
}

// ParityExample is one entity, the newest first.
type ParityExample struct {
	EntityID    int64          `json:"entity"`
	EvaluatedAt time.Time      `json:"evaluated_at"`
	Outcome     string         `json:"our_outcome"`
	Ours        *ParityRequest `json:"ours"`    // null: none
	RequestID   *int64         `json:"request"` // avni-server's, also one that was voided
	Status      *string        `json:"their_status"`
	Theirs      *ParityRequest `json:"theirs"` // null: none
	Requests    int            `json:"their_requests"`
}

// ParityRequest is a request that is there, or would be.
type ParityRequest struct {
	At           time.Time `json:"scheduled_for"`
	ReceiverType string    `json:"receiver_type"`
	ReceiverID   int64     `json:"receiver"`
}

// SendingSkip is why some messages that avni-server has sent would not have been.
type SendingSkip struct {
	Reason   string  `json:"reason"`
	Count    int     `json:"count"`
	Requests []int64 `json:"requests"` // some of them
}

// ParityReport tells what shadow mode has found out, by organisation and rule.
func ParityReport(ctx context.Context, pool *pgxpool.Pool, query ParityQuery) ([]OrganisationParity, error) {
	report := &parityReport{query: query, byID: map[int32]*OrganisationParity{}}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
		for _, read := range []func(context.Context, pgx.Tx) error{report.readOrganisations, report.readComparisons, report.readPauses, report.readSendings} {
			if err := read(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read comparisons: %w", err)
	}
	all := make([]OrganisationParity, len(report.order))
	for i, id := range report.order {
		o := report.byID[id]
		o.NotReady = o.obstacles()
		o.Ready = len(o.NotReady) == 0
		all[i] = *o
	}
	return all, nil
}

// parityReport is a report in the making.
type parityReport struct {
	query ParityQuery
	order []int32
	byID  map[int32]*OrganisationParity
}

// add takes a row in. Rows of a rule come together, as do those of a cause.
func (o *OrganisationParity) add(row parityRow) {
	if n := len(o.Rules); n == 0 || o.Rules[n-1].RuleID != row.rule.RuleID {
		row.rule.Differences = []ParityDifference{}
		o.Rules = append(o.Rules, row.rule)
	}
	rule := &o.Rules[len(o.Rules)-1]
	switch row.verdict {
	case parityWaiting:
		rule.Waiting, rule.Overdue = row.total, row.overdue
		o.Waiting += row.total
		return
	case parityOwn:
		rule.Own = row.total
		o.Own += row.total
		return
	case paritySame:
		rule.Same = row.total
		o.Same += row.total
		o.Compared += row.total
		return
	}
	n := len(rule.Differences)
	if n == 0 || rule.Differences[n-1].Cause != row.cause {
		rule.Differences = append(rule.Differences, ParityDifference{Cause: row.cause, Text: row.cause.Text(), Advice: row.cause.Advice(),
			Open: row.cause.Open(), Count: row.total})
		o.count(row)
		n++
	}
	difference := &rule.Differences[n-1]
	difference.Examples = append(difference.Examples, row.ParityExample)
}

func (o *OrganisationParity) count(row parityRow) {
	o.Compared += row.total
	switch {
	case row.cause == "":
		o.Unexplained += row.total
	case row.cause.Open():
		o.ToMend += row.total
	default:
		o.Explained += row.total
	}
}

// pause takes in that a rule is paused.
func (o *OrganisationParity) pause(paused RuleParity) {
	n := slices.IndexFunc(o.Rules, func(r RuleParity) bool { return r.RuleID == paused.RuleID })
	if n < 0 {
		o.Rules = append(o.Rules, paused)
		return
	}
	o.Rules[n].Paused = true
}
