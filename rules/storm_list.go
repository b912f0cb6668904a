package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Held is what the storm guard holds, or was told to cancel, of a rule and a source
// transaction.
type Held struct {
	OrganisationID int32     `json:"organisation_id"`
	Organisation   string    `json:"organisation"` // db_user
	RuleID         int64     `json:"rule_id"`
	RuleName       string    `json:"rule"`
	Transaction    string    `json:"transaction"` // commit_lsn
	CatchUp        bool      `json:"catch_up"`    // no transaction, but what was looked up after the slot was lost
	State          string    `json:"state"`       // held, released (and not evaluated yet), cancelled or voided (held again if that is taken back)
	Count          int       `json:"count"`
	CommittedAt    time.Time `json:"committed_at"`
	Since          time.Time `json:"held_since"`
	FirstDue       time.Time `json:"first_scheduled_for"`
	LastDue        time.Time `json:"last_scheduled_for"`
	ChangedBy      []int64   `json:"changed_by"` // users.id of those who saved, at most five
	Users          []string  `json:"users"`      // their usernames
}

// HeldList is the largest of what is held, and how much there is beside.
type HeldList struct {
	Groups       []Held
	More         int // groups that are left out
	MoreMessages int // in those
}

// listedHeld is how many groups a list has at most.
const listedHeld = 200

const (
	// afterLossSQL holds of rows h that a catch-up has brought after the slot was lost: all
	// of them count as of the place where it ended.
	afterLossSQL = `h.commit_lsn in (select g.to_lsn from messenger.gap g where not g.by_hand and g.to_lsn <> '0/0')`

	// listHeldSQL counts first, and looks closely only at the largest groups.
	listHeldSQL = `
		with counted as materialized (
			select rule_id, organisation_id, commit_lsn, state, count(*) as n from messenger.held group by 1, 2, 3, 4
		), listed as materialized (
			select *, count(*) over () as groups, sum(n) over () as messages from counted order by n desc, rule_id, commit_lsn, state limit $1
		)
		select h.groups::int, h.messages::int, h.organisation_id, coalesce(o.db_user, ''), h.rule_id, coalesce(r.name, ''), h.commit_lsn::text, ` + afterLossSQL + `,
			h.state, h.n, d.committed_at, d.since, d.first_due, d.last_due,
			coalesce(d.users, '{}'), array(select u.username from users u where u.id = any(d.users) order by u.id)
		from listed h
		cross join lateral (
			select max(committed_at) as committed_at, min(held_at) as since, min(scheduled_for) as first_due, max(scheduled_for) as last_due,
				(array_agg(distinct changed_by) filter (where changed_by is not null))[1:5] as users
			from messenger.held x where x.rule_id = h.rule_id and x.commit_lsn = h.commit_lsn and x.organisation_id = h.organisation_id and x.state = h.state
		) d
		left join organisation o on o.id = h.organisation_id left join message_rule r on r.id = h.rule_id
		order by d.since, h.rule_id, h.commit_lsn, h.state`
)

// querier is what reads.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ListHeld returns what is held, released, cancelled or voided: the largest groups, oldest
// first. What is released disappears when it is evaluated.
func ListHeld(ctx context.Context, db querier) (HeldList, error) {
	rows, err := db.Query(ctx, listHeldSQL, listedHeld)
	if err != nil {
		return HeldList{}, fmt.Errorf("list what is held: %w", err)
	}
	var list HeldList
	var h Held
	_, err = pgx.ForEachRow(rows, []any{&list.More, &list.MoreMessages, &h.OrganisationID, &h.Organisation, &h.RuleID, &h.RuleName, &h.Transaction, &h.CatchUp,
		&h.State, &h.Count, &h.CommittedAt, &h.Since, &h.FirstDue, &h.LastDue, &h.ChangedBy, &h.Users}, func() error {
		list.Groups = append(list.Groups, h)
		h.ChangedBy, h.Users = nil, nil
		return nil
	})
	if err != nil {
		return HeldList{}, fmt.Errorf("list what is held: %w", err)
	}
	list.More -= len(list.Groups)
	for _, h := range list.Groups {
		list.MoreMessages -= h.Count
	}
	return list, nil
}
