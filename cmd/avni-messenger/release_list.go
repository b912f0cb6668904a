package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/rules"
)

// heldOrganisation is a hold as release shows it.
type heldOrganisation struct {
	ID     int64     `json:"id"` // messenger.hold.id
	DBUser string    `json:"organisation"`
	Kind   holdKind  `json:"kind"`
	Since  time.Time `json:"since"`
	Detail string    `json:"detail"` // of the first request that was noticed
	Seen   int       `json:"seen"`   // how many such requests there were
}

const (
	heldColumns = `h.id, (select db_user::text from organisation where id = h.organisation_id), h.kind, h.since, h.detail, h.seen`

	releaseHoldSQL = `
		update messenger.hold h set released_at = clock_timestamp() where h.organisation_id = $1 and h.released_at is null
		returning ` + heldColumns

	listHoldsSQL = `select ` + heldColumns + ` from messenger.hold h where h.released_at is null order by h.since, h.id`
)

// why says what somebody else did.
func (h heldOrganisation) why() string {
	text := h.Detail
	if h.Seen > 1 {
		text += fmt.Sprintf(", and so on: %d inserted or marked Sent by somebody else by now", h.Seen)
	}
	return text
}

// listAllHeld prints what is held: organisations, and messages that were too many.
func listAllHeld(ctx context.Context, pool *pgxpool.Pool, asJSON bool, out io.Writer) error {
	rows, _ := pool.Query(ctx, listHoldsSQL) // its error is that of the rows
	organisations, err := pgx.CollectRows(rows, pgx.RowToStructByPos[heldOrganisation])
	if err != nil {
		return fmt.Errorf("read what is held: %w", err)
	}
	messages, err := rules.ListHeld(ctx, pool)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, struct {
			Organisations []heldOrganisation `json:"organisations"`
			Messages      []rules.Held       `json:"messages"`      // the largest of them
			MoreGroups    int                `json:"more_groups"`   // that are left out
			MoreMessages  int                `json:"more_messages"` // in those
		}{organisations, messages.Groups, messages.More, messages.MoreMessages})
	}
	if err := printHolds(ctx, pool, organisations, out); err != nil {
		return err
	}
	return printHeldMessages(messages, time.Local, out)
}

// printHolds prints the organisations that are held because of another writer.
func printHolds(ctx context.Context, pool *pgxpool.Pool, held []heldOrganisation, out io.Writer) error {
	if len(held) == 0 {
		fmt.Fprintln(out, "no organisation is held because of another writer")
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ORGANISATION\tHELD SINCE\tKIND\tWHY")
	for _, h := range held {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", h.DBUser, clock(h.Since), h.Kind, h.why())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, h := range held {
		if err := printTwice(ctx, pool, h.ID, out); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "→ when avni-server neither writes nor sends for it any more: avni-messenger release ORGANISATION")
	return nil
}

// printTwice names the requests that somebody else has sent and we may have sent too.
func printTwice(ctx context.Context, pool *pgxpool.Pool, holdID int64, out io.Writer) error {
	rows, _ := pool.Query(ctx, `select distinct request_id from messenger.foreign_write where hold_id = $1 and maybe_twice order by request_id`, holdID)
	requests, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("read what may have been sent twice: %w", err)
	}
	if len(requests) > 0 {
		named := strings.Trim(fmt.Sprint(requests), "[]")
		fmt.Fprintf(out, "may have been sent twice, by us and by somebody else; look at their contacts in Glific: requests %s\n", strings.ReplaceAll(named, " ", ", "))
	}
	return nil
}

// clock is a time as an operator reads it.
func clock(t time.Time) string { return t.In(time.Local).Format("2006-01-02 15:04:05 MST") }
