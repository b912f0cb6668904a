package dispatch

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// receiver is who gets a message.
type receiver struct {
	ref     receiverRef
	name    string
	numbers []string // candidates for the phone number, the best first
}

// loadReceiver reads the receiver of a claim. One that is voided or gone is a *Refusal.
func loadReceiver(ctx context.Context, pool *pgxpool.Pool, organisation Organisation, ref receiverRef) (receiver, error) {
	if ref.kind != receiverSubject && ref.kind != receiverUser {
		return receiver{}, refuse(Withdrawn, "the receiver's type is %q", ref.kind)
	}
	found, err := loadReceivers(ctx, pool, organisation, ref.kind, []int64{ref.id})
	if err != nil {
		return receiver{}, fmt.Errorf("load receiver (%s): %w", ref, err)
	}
	r, ok := found[ref.id]
	if !ok {
		return receiver{}, refuse(Withdrawn, "the receiver (%s) is voided or gone", ref)
	}
	r.ref = ref
	if ref.phone != "" {
		r.numbers = []string{"+" + string(ref.phone)}
	}
	return r, nil
}

// loadReceivers reads subjects or users by id. Those that are voided or gone are missing.
func loadReceivers(ctx context.Context, pool *pgxpool.Pool, organisation Organisation, kind string, ids []int64) (map[int64]receiver, error) {
	return replan(pool, func() (map[int64]receiver, error) {
		if kind == receiverUser {
			return loadUsers(ctx, pool, ids)
		}
		return loadSubjects(ctx, pool, organisation, ids)
	})
}

// loadSubjectsSQL reads subjects' names and numbers. Every PhoneNumber concept that
// the organisation sees counts, then every Text concept in use that is marked
// contact_number or primary_contact. Among equals, concepts in use come before voided
// ones, the organisation's own before its ancestors', older ones before newer ones.
const loadSubjectsSQL = `
select i.id, i.first_name, i.middle_name, i.last_name, ` + subjectNumbers + `
  from public.individual i
 where i.id = any($1) and i.organisation_id = $2 and not i.is_voided`

// subjectNumbers are those of a subject i of organisation $2, which sees $3.
const subjectNumbers = `array(
    select coalesce(o.value ->> 'phoneNumber', case jsonb_typeof(o.value) when 'string' then o.value #>> '{}' end, '')
      from jsonb_each(case jsonb_typeof(i.observations) when 'object' then i.observations else '{}' end) o
      join public.concept c on c.uuid = o.key and c.organisation_id = any($3)
     where ` + isPhoneConcept + `
     order by c.data_type <> 'PhoneNumber', c.is_voided, c.organisation_id <> $2, c.id)`

// isPhoneConcept is true of a concept c whose observations are phone numbers.
const isPhoneConcept = `case c.data_type
           when 'PhoneNumber' then true
           when 'Text' then not c.is_voided and exists (
               select from jsonb_array_elements(case jsonb_typeof(c.key_values) when 'array' then c.key_values else '[]' end) k
                where k ->> 'key' in ('contact_number', 'primary_contact') and k ->> 'value' = 'yes')
           else false end`

func loadSubjects(ctx context.Context, pool *pgxpool.Pool, organisation Organisation, ids []int64) (map[int64]receiver, error) {
	found := make(map[int64]receiver, len(ids))
	rows, _ := pool.Query(ctx, loadSubjectsSQL, ids, organisation.ID, organisation.VisibleIDs) // its error is that of the rows
	var id int64
	var first, middle, last *string
	var numbers []string
	_, err := pgx.ForEachRow(rows, []any{&id, &first, &middle, &last, &numbers}, func() error {
		found[id] = receiver{name: fullName(first, middle, last), numbers: numbers}
		numbers = nil
		return nil
	})
	return found, err
}

// fullName joins names as avni-server does: parts that are null are left out.
func fullName(parts ...*string) string {
	var names []string
	for _, part := range parts {
		if part != nil {
			names = append(names, *part)
		}
	}
	return strings.Join(names, " ")
}

func loadUsers(ctx context.Context, pool *pgxpool.Pool, ids []int64) (map[int64]receiver, error) {
	found := make(map[int64]receiver, len(ids))
	rows, _ := pool.Query(ctx, `select id, name, phone_number from public.users where id = any($1) and not is_voided`, ids) // the same
	var id int64
	var name string
	var number *string
	_, err := pgx.ForEachRow(rows, []any{&id, &name, &number}, func() error {
		r := receiver{name: name}
		if number != nil {
			r.numbers = []string{*number}
		}
		found[id] = r
		return nil
	})
	return found, err
}

// phone is the first number that is valid; without one, a *Refusal that says whether
// there was any, and what is wrong with the best.
func (r receiver) phone(region string) (Phone, error) {
	refusal := refuse(NoPhone, "%s has no phone number", r.ref)
	for _, number := range r.numbers {
		if strings.TrimSpace(number) == "" {
			continue
		}
		if phone, err := ParsePhone(number, region); err == nil {
			return phone, nil
		}
		if refusal.Reason == NoPhone {
			refusal = refuse(InvalidPhone, "the phone number of %s %s", r.ref, phoneFault(number, region))
		}
	}
	return "", refusal
}
