package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// maxErrorMessage is the width of rule_failure_log.error_message, in characters.
const maxErrorMessage = 255

const insertFailureSQL = `insert into rule_failure_log (uuid, form_id, rule_type, entity_type, entity_id, error_message, stacktrace,
		source, is_voided, version, organisation_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
	values ($1, $2, $3, $4, $2, $5, $6, 'Web', false, 0, $7, $8, $8, now(), now())`

// countFailureSQL says at the end of a row how often its failure was seen again.
const countFailureSQL = `update rule_failure_log
	set stacktrace = regexp_replace(stacktrace, '\n… and [^\n]*$', '') || $2, last_modified_date_time = now()
	where uuid = $1`

// failureSources are the words by which Avni's rule failure screens know the scripts.
var failureSources = map[phase]string{
	schedulePhase: "Rules : messageSchedule",
	messagePhase:  "Rules : messageExecute",
}

// failureEntry is a row of Avni's rule_failure_log.
type failureEntry struct {
	uuid           string
	key            failureKey
	entityType     EntityType
	entityUUID     string
	organisationID int32
	actingUserID   int64
	failure        *Failure
}

func (f failureEntry) arguments() []any {
	message := storable(f.failure.Message, maxErrorMessage)
	if message == "" {
		message = string(f.failure.Kind)
	}
	stack := storable(f.failure.Stack, 20_000)
	if stack == "" {
		stack = message
	}
	return []any{f.uuid, f.entityUUID, f.entityType, failureSources[f.key.phase], message, stack,
		f.organisationID, f.actingUserID}
}

func (f failureEntry) queue(b *pgx.Batch) { b.Queue(insertFailureSQL, f.arguments()...) }

// writeCounts says in Avni's rule_failure_log how often each failure was seen again
// within the hour after its row. What cannot be written is told the next time.
func (f *Failures) writeCounts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	counts := f.written.counts()
	b := &pgx.Batch{}
	for _, c := range counts {
		b.Queue(countFailureSQL, c.row, fmt.Sprintf("\n… and %d more until %s", c.again, c.last.UTC().Format("2006-01-02 15:04 MST")))
	}
	if err := f.options.Pool.SendBatch(ctx, b).Close(); err != nil {
		f.written.countAgain(counts)
		f.options.Log.Debug("counts not written to rule_failure_log", "component", "rules", "err", err)
	}
}
