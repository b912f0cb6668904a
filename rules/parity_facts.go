package rules

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// facts are what Avni's tables tell about an entity whose comparison differs.
type facts struct {
	createdAt    time.Time
	savedAt      time.Time // when it was last saved, or written otherwise
	voided       bool
	parentVoided bool
	cancelled    bool
	done         bool // completed or cancelled; always, of what is no visit
	visit        bool

	failures []string // what avni-server tells of schedule rules that failed since
	rules    int      // how many of its rules avni-server has run

	withVisit     bool // a visit that is done was written in the same transaction
	withOther     bool // something of the subject that is no planned visit was
	withUser      bool // a user was
	withOthers    bool // the same table's rows of other subjects were
	twinVoided    bool // something of another type with the same id is voided
	unreadable    bool // avni-server cannot make the JSON for it: a Person without a gender
	relativeSaved bool // something else of the subject was saved after it and before we evaluated
}

// notEvaluatedThere is the cause of what avni-server has written without running rules for it.
func (f facts) notEvaluatedThere() (Cause, bool) {
	switch {
	case f.visit && !f.done && f.withOther:
		return CauseVisitPlanned, true
	case !f.visit && (f.withVisit || f.withUser):
		return CauseWrittenAlong, true
	case f.withOthers:
		return CauseBulkUpdate, true
	}
	return "", false
}

// factsSQL reads the facts of entities that differ: $1 numbers them, $2 are their tables,
// $3 their ids, $4 their organisations, $5 when they were evaluated. What a transaction
// wrote is known by xmin.
var factsSQL = `
	with d (n, source_table, id, organisation_id, evaluated_at) as materialized (
		select * from unnest($1::int[], $2::text[], $3::bigint[], $4::int[], $5::timestamptz[])
	), e as materialized (
		select d.*, 'Subject' as kind, i.subject_type_id::bigint as type_id, i.uuid, i.id as subject_id, i.created_date_time as created, i.last_modified_date_time as saved, i.xmin as tx,
			i.is_voided as voided, false as parent_voided, false as cancelled, true as done, false as visit
		from d join public.individual i on d.source_table = 'individual' and i.id = d.id
		union all
		select d.*, 'ProgramEnrolment', x.program_id, x.uuid, x.individual_id, x.created_date_time, x.last_modified_date_time, x.xmin, x.is_voided, s.is_voided, false, true, false
		from d join public.program_enrolment x on d.source_table = 'program_enrolment' and x.id = d.id
		join public.individual s on s.id = x.individual_id
		union all
		select d.*, 'Encounter', x.encounter_type_id, x.uuid, x.individual_id, x.created_date_time, x.last_modified_date_time, x.xmin, x.is_voided, s.is_voided,
			x.cancel_date_time is not null, coalesce(x.encounter_date_time, x.cancel_date_time) is not null, true
		from d join public.encounter x on d.source_table = 'encounter' and x.id = d.id
		join public.individual s on s.id = x.individual_id
		union all
		select d.*, 'ProgramEncounter', x.encounter_type_id, x.uuid, x.individual_id, x.created_date_time, x.last_modified_date_time, x.xmin, x.is_voided, s.is_voided or p.is_voided,
			x.cancel_date_time is not null, coalesce(x.encounter_date_time, x.cancel_date_time) is not null, true
		from d join public.program_encounter x on d.source_table = 'program_encounter' and x.id = d.id
		join public.program_enrolment p on p.id = x.program_enrolment_id
		join public.individual s on s.id = x.individual_id
		union all
		select d.*, 'User', 0, u.uuid, null, u.created_date_time, u.last_modified_date_time, u.xmin, u.is_voided, false, false, true, false
		from d join public.users u on d.source_table = 'users' and u.id = d.id
	)
	select e.n, e.created, e.saved, e.voided, e.parent_voided, e.cancelled, e.done, e.visit,
		` + relativeSQL(`x.xmin = e.tx`, doneSQL, "encounter", "program_encounter") + `,
		` + relativeSQL(`x.xmin = e.tx`, "", "individual", "program_enrolment") + ` or ` + relativeSQL(`x.xmin = e.tx`, doneSQL, "encounter", "program_encounter") + `,
		e.source_table = 'individual' and exists (select from public.users x where x.organisation_id = e.organisation_id and x.xmin = e.tx),
		` + othersSQL() + `,
		` + twinSQL() + `,
		array(select f.error_message from public.rule_failure_log f
			where f.last_modified_date_time between e.saved - interval '` + fmt.Sprint(saveTakes.Seconds()) + ` seconds' and e.saved + interval '10 minutes'
			and f.organisation_id = e.organisation_id and f.entity_id = e.uuid and f.entity_type = '` + failureSources[schedulePhase] + `'),
		(select count(*)::int from public.message_rule r where r.organisation_id = e.organisation_id and r.entity_type = e.kind
			and (e.kind = 'User' or r.entity_type_id = e.type_id) and (not r.is_voided or r.last_modified_date_time >= e.saved)),
		exists (select from public.individual i join public.subject_type t on t.id = i.subject_type_id
			where i.id = e.subject_id and i.gender_id is null and t.type = 'Person'),
		` + relativeSQL(`x.last_modified_date_time > e.saved and x.last_modified_date_time <= e.evaluated_at`, "", familyTables...) + `
	from e`

// doneSQL holds of a visit x that is no plan any more.
const doneSQL = ` and coalesce(x.encounter_date_time, x.cancel_date_time) is not null`

var familyTables = []string{"individual", "program_enrolment", "encounter", "program_encounter"}

// relativeSQL holds where another row of the subject, in one of the tables, meets conditions.
func relativeSQL(condition, further string, tables ...string) string {
	var any []string
	for _, table := range tables {
		link := `x.individual_id = e.subject_id`
		switch table {
		case "individual":
			link = `x.id = e.subject_id`
		case "program_encounter": // individual_id has no index there
			link = `x.program_enrolment_id in (select id from public.program_enrolment where individual_id = e.subject_id)`
		}
		any = append(any, fmt.Sprintf(`exists (select from public.%[1]s x where %[2]s and not (e.source_table = '%[1]s' and x.id = e.id) and %[3]s%[4]s)`,
			table, link, condition, further))
	}
	return `(` + strings.Join(any, ` or `) + `)`
}

// othersSQL holds where the transaction wrote the same table's rows of other subjects too.
func othersSQL() string {
	var any []string
	for _, table := range familyTables {
		other := `x.individual_id <> e.subject_id`
		if table == "individual" {
			other = `x.id <> e.id`
		}
		any = append(any, fmt.Sprintf(`(e.source_table = '%[1]s' and exists (select from public.%[1]s x
			where x.last_modified_date_time = e.saved and x.xmin = e.tx and x.organisation_id = e.organisation_id and %[2]s))`, table, other))
	}
	return `(` + strings.Join(any, ` or `) + `)`
}

// twinSQL holds where something of another type with the same id is voided.
func twinSQL() string {
	var any []string
	for _, table := range familyTables {
		any = append(any, fmt.Sprintf(`(e.source_table <> '%[1]s' and exists (select from public.%[1]s x
			where x.id = e.id and x.organisation_id = e.organisation_id and x.is_voided))`, table))
	}
	return `(` + strings.Join(any, ` or `) + `)`
}

// readFacts reads the facts of comparisons, in their order. An entity that is not there
// has none.
func readFacts(ctx context.Context, tx pgx.Tx, of []comparison) ([]facts, error) {
	found := make([]facts, len(of))
	if len(of) == 0 {
		return found, nil
	}
	numbers, tables, ids := make([]int32, len(of)), make([]string, len(of)), make([]int64, len(of))
	organisations, evaluated := make([]int32, len(of)), make([]any, len(of))
	for i, c := range of {
		numbers[i], tables[i], ids[i], organisations[i], evaluated[i] = int32(i), string(c.table), c.entityID, c.organisationID, c.evaluatedAt
	}
	rows, err := tx.Query(ctx, factsSQL, numbers, tables, ids, organisations, evaluated)
	if err != nil {
		return nil, fmt.Errorf("read what explains differences: %w", err)
	}
	var n int
	var f facts
	_, err = pgx.ForEachRow(rows, []any{&n, &f.createdAt, &f.savedAt, &f.voided, &f.parentVoided, &f.cancelled, &f.done, &f.visit,
		&f.withVisit, &f.withOther, &f.withUser, &f.withOthers, &f.twinVoided, &f.failures, &f.rules, &f.unreadable, &f.relativeSaved},
		func() error {
			found[n] = f
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("read what explains differences: %w", err)
	}
	return found, nil
}
