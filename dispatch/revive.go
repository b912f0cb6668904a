package dispatch

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

// What was refused is tried again once its cause has changed, as long as it is worth
// sending. A request that is modified itself needs none of this: it can be claimed.

// reviveSize is how many requests are tried again, or looked at, in one go.
const reviveSize = 500

// reasonsOf are the reasons of some classes.
func reasonsOf(classes ...Class) (found []Reason) {
	for reason, meaning := range reasons {
		for _, class := range classes {
			if meaning.class == class {
				found = append(found, reason)
			}
		}
	}
	return found
}

var (
	authorReasons   = reasonsOf(ClassAuthor, ClassConfig)
	consentReasons  = reasonsOf(ClassConsent)
	receiverReasons = reasonsOf(ClassReceiver, ClassConsent)
	templateReasons = []Reason{TemplateNotFound, TemplateNotApproved, MediaTemplate, ParameterCount}
)

// refusedInWindow is true of a delivery d that was refused for one of the reasons and
// whose request q is still worth sending. It was due when it was refused.
const refusedInWindow = `d.organisation_id = @organisation and d.state = 'refused' and d.updated_at >= @since and d.reason = any(@reasons)
       and ` + inWindow + ` and q.delivery_status <> 'Sent' and q.delivered_date_time is null`

// reviveSQL lets refused requests be tried again, with all their attempts.
func reviveSQL(join, condition string) string {
	return `
with again as materialized (
    select d.request_id
      from messenger.delivery d ` + join + ` ` + requestOf + `
     where ` + refusedInWindow + ` and ` + condition + `
     limit @size
       for update of d skip locked
)
update messenger.delivery d
   set state = 'waiting', attempts = 0, next_attempt_at = @now, updated_at = now()
  from again where d.request_id = again.request_id
returning d.request_id`
}

var (
	reviveByRuleSQL = reviveSQL(`join public.message_rule u on u.id = d.rule_id`, `u.last_modified_date_time <> d.rule_modified_at`)

	// The column template_id will not do: it belongs to the contact and the send time.
	reviveByTemplateSQL = reviveSQL(``, `d.cause = @template and coalesce(cardinality(d.parameters), 0) = @parameters
       and (d.updated_at < @seen or 1 >= (
           select count(*) from messenger.attempt a where a.request_id = d.request_id and a.outcome = 'refused' and a.at > now() - @age::interval))`)

	reviveByAgeSQL = reviveSQL(``, `d.updated_at < now() - @age::interval`)
	reviveByIDSQL  = reviveSQL(``, `d.request_id = any(@requests)`)
)

// hangsOn is what may end a refusal, beside the request and its rule: another phone
// number or, of the template, another shape.
func (v verdict) hangsOn() string {
	switch {
	case v.outcome != refused:
	case v.reason.Class() == ClassConsent:
		return string(v.message.phone)
	case v.reason.OfTemplate():
		return v.message.templateText()
	}
	return ""
}

// reviveRefused lets refused requests be tried again whose cause has changed, and starts
// looking for those whose cause Glific would have to tell.
func (w *worker) reviveRefused(ctx context.Context, now time.Time) error {
	if err := w.reviveBy(ctx, now, reviveByRuleSQL, "the rule was changed", authorReasons, nil); err != nil {
		return err
	}
	if err := w.reviveBy(ctx, now, reviveByAgeSQL, "the contact may have opted in meanwhile", consentReasons, pgx.NamedArgs{"age": consentAge}); err != nil {
		return err
	}
	return w.reviveByPhone(ctx, now)
}

// consentAge is how long a contact's wish is taken for what it was.
const consentAge = 24 * time.Hour

// reviveBy runs one of the statements.
func (w *worker) reviveBy(ctx context.Context, now time.Time, sql, why string, reasons []Reason, more pgx.NamedArgs) error {
	arguments := w.queue.arguments(now, pgx.NamedArgs{"reasons": reasons, "size": reviveSize})
	maps.Copy(arguments, more)
	revived, err := replan(w.queue.pool, func() ([]int64, error) {
		rows, _ := w.queue.pool.Query(ctx, sql, plannedAnew, arguments) // its error is that of the rows
		return pgx.CollectRows(rows, pgx.RowTo[int64])
	})
	if err != nil {
		return fmt.Errorf("look for refused requests to try again: %w", err)
	}
	if len(revived) > 0 {
		w.wake()
		w.log.Info("refused messages are tried again: "+why, "requests", len(revived), "request", revived[:min(len(revived), shownRequests)])
	}
	return nil
}

// refusedOf is a refused request, for whom it is and what it hangs on.
type refusedOf struct {
	id       int64
	receiver receiverRef
	phone    Phone // that was refused; empty: there was none
}

var refusedReceiversSQL = overRefused.part() + `
select d.request_id, r.id, r.receiver_type, r.receiver_id, case when d.reason = any(@consent) then coalesce(d.cause, '') else '' end
  from part
  join messenger.delivery d using (request_id)
  ` + requestOf + `
  join public.message_receiver r on r.id = q.message_receiver_id and r.receiver_type in ('Subject', 'User')
 where ` + refusedInWindow

// reviveByPhone looks at the next of those that were refused, whether it was for their
// receiver, who has another number by now.
func (w *worker) reviveByPhone(ctx context.Context, now time.Time) error {
	arguments, to, err := w.overRefused.next(ctx, w.queue, now)
	if err != nil {
		return err
	}
	arguments["reasons"], arguments["consent"] = receiverReasons, consentReasons
	looked, err := replan(w.queue.pool, func() ([]refusedOf, error) {
		rows, _ := w.queue.pool.Query(ctx, refusedReceiversSQL, plannedAnew, arguments) // its error is that of the rows
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r refusedOf, err error) {
			err = row.Scan(&r.id, &r.receiver.rowID, &r.receiver.kind, &r.receiver.id, (*string)(&r.phone))
			return r, err
		})
	})
	if err != nil {
		return fmt.Errorf("look for refused receivers: %w", err)
	}
	w.overRefused.done(to)
	changed, err := w.otherPhone(ctx, looked)
	if err != nil || len(changed) == 0 {
		return err
	}
	return w.reviveBy(ctx, now, reviveByIDSQL, "their phone number was changed", receiverReasons, pgx.NamedArgs{"requests": changed})
}

// otherPhone returns the requests whose receiver can be reached by another number than
// the one that was refused.
func (w *worker) otherPhone(ctx context.Context, looked []refusedOf) (changed []int64, err error) {
	ids := make(map[string][]int64)
	for _, r := range looked {
		ids[r.receiver.kind] = append(ids[r.receiver.kind], r.receiver.id)
	}
	found := make(map[string]map[int64]receiver)
	for kind := range ids {
		if found[kind], err = loadReceivers(ctx, w.queue.pool, w.organisation(), kind, ids[kind]); err != nil {
			return nil, fmt.Errorf("load refused receivers: %w", err)
		}
	}
	for _, r := range looked {
		to, ok := found[r.receiver.kind][r.receiver.id]
		if phone, err := to.phone(w.organisation().Region); ok && err == nil && phone != r.phone {
			changed = append(changed, r.id)
		}
	}
	return changed, nil
}

// refusedTemplatesSQL steps from one cause to the next by the index, however many requests
// were refused for each.
const refusedTemplatesSQL = `
with recursive refused as (
    select r.reason, (select min(d.cause) from messenger.delivery d
                       where d.organisation_id = @organisation and d.state = 'refused' and d.reason = r.reason and d.cause is not null) as cause
      from unnest(@reasons::text[]) r (reason)
    union all
    select r.reason, (select min(d.cause) from messenger.delivery d
                       where d.organisation_id = @organisation and d.state = 'refused' and d.reason = r.reason and d.cause is not null and d.cause > r.cause)
      from refused r
     where r.cause is not null
)
select distinct r.cause
  from refused r
 where exists (select from messenger.delivery d
                where d.organisation_id = @organisation and d.state = 'refused' and d.reason = r.reason and d.cause = r.cause and d.updated_at >= @since)
 limit 100`

// reviveByTemplate looks at the templates for which requests were refused, and lets those
// be tried again that fit by now. What was refused twice since the template is as it is,
// was so for something that it does not show, and waits for hours. Glific is asked no more
// often than for a send.
func (w *worker) reviveByTemplate(ctx context.Context) error {
	now := w.now()
	arguments := w.queue.arguments(now, pgx.NamedArgs{"reasons": templateReasons})
	causes, err := replan(w.queue.pool, func() ([]string, error) {
		rows, _ := w.queue.pool.Query(ctx, refusedTemplatesSQL, plannedAnew, arguments) // its error is that of the rows
		return pgx.CollectRows(rows, pgx.RowTo[string])
	})
	if err != nil {
		return fmt.Errorf("look for refused templates: %w", err)
	}
	for _, cause := range causes {
		id, err := parseTemplateID(cause)
		if err != nil {
			continue // written by another version
		}
		shape, err := w.templates.find(ctx, id)
		if err != nil {
			return nil // a send will tell what is wrong with Glific
		}
		if shape.refuse(shape.NumberParameters) != nil {
			continue
		}
		if err := w.reviveBy(ctx, now, reviveByTemplateSQL, "their template was changed", templateReasons,
			pgx.NamedArgs{"template": cause, "parameters": shape.NumberParameters, "seen": shape.since, "age": longestRetry}); err != nil {
			return err
		}
	}
	return nil
}
