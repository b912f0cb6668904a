package cdc

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Room is what a server has left for a slot and its reader, and whether the connected role
// may use it.
type Room struct {
	Slots, MaxSlots     int // in use, ours among them if it exists
	Senders, MaxSenders int // WAL senders in use

	role        string
	replication bool // by attribute, or by membership in rds_replication on Amazon RDS
	managed     bool // the server is Amazon RDS
}

// ReadRoom counts.
func ReadRoom(ctx context.Context, db Querier) (Room, error) {
	var r Room
	err := db.QueryRow(ctx, `
		select current_user::text, r.rolreplication or r.rolsuper or coalesce(pg_has_role(m.oid, 'member'), false), m.oid is not null,
		       (select count(*) from pg_replication_slots), current_setting('max_replication_slots')::int,
		       (select count(*) from pg_stat_replication), current_setting('max_wal_senders')::int
		from pg_roles r left join pg_roles m on m.rolname = 'rds_replication'
		where r.rolname = current_user`).
		Scan(&r.role, &r.replication, &r.managed, &r.Slots, &r.MaxSlots, &r.Senders, &r.MaxSenders)
	return r, err
}

// RoleProblem is nil if the role may make and read slots.
func (r Room) RoleProblem() *Problem {
	if r.replication {
		return nil
	}
	role := pgx.Identifier{r.role}.Sanitize()
	mend, who := "alter role "+role+" replication;", "a superuser"
	if r.managed {
		mend, who = "grant rds_replication to "+role+";", "the master user"
	}
	return &Problem{fmt.Sprintf("role %q has no REPLICATION attribute", r.role), fmt.Sprintf("run `%s` as %s", mend, who)}
}

// SlotProblem is nil if another slot can be made.
func (r Room) SlotProblem() *Problem {
	return full("max_replication_slots", "replication slots", r.Slots, r.MaxSlots)
}

// SenderProblem is nil if another slot can be read.
func (r Room) SenderProblem() *Problem {
	return full("max_wal_senders", "WAL senders", r.Senders, r.MaxSenders)
}

func full(setting, what string, used, limit int) *Problem {
	if used < limit {
		return nil
	}
	return &Problem{fmt.Sprintf("all %d %s are in use", limit, what),
		fmt.Sprintf("run `alter system set %s = %d;` as a superuser and restart PostgreSQL (Amazon RDS: in the parameter group)", setting, limit+5)}
}
