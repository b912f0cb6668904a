package dispatch

import (
	"context"
	"errors"
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
	var r receiver
	var err error
	switch ref.kind {
	case receiverSubject:
		r, err = loadSubject(ctx, pool, organisation, ref.id)
	case receiverUser:
		r, err = loadUser(ctx, pool, ref.id)
	default:
		return receiver{}, refuse(Withdrawn, "the receiver's type is %q", ref.kind)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return receiver{}, refuse(Withdrawn, "the receiver (%s) is voided or gone", ref)
	}
	if err != nil {
		return receiver{}, fmt.Errorf("load receiver (%s): %w", ref, err)
	}
	r.ref = ref
	return r, nil
}

// loadSubjectSQL reads a subject's names and numbers. Every PhoneNumber concept that
// the organisation sees counts, then every Text concept in use that is marked
// contact_number or primary_contact. Among equals, concepts in use come before voided
// ones, the organisation's own before its ancestors', older ones before newer ones.
const loadSubjectSQL = `
select i.first_name, i.middle_name, i.last_name, array(
    select coalesce(o.value ->> 'phoneNumber', case jsonb_typeof(o.value) when 'string' then o.value #>> '{}' end, '')
      from jsonb_each(case jsonb_typeof(i.observations) when 'object' then i.observations else '{}' end) o
      join public.concept c on c.uuid = o.key and c.organisation_id = any($3)
     where case c.data_type
           when 'PhoneNumber' then true
           when 'Text' then not c.is_voided and exists (
               select from jsonb_array_elements(case jsonb_typeof(c.key_values) when 'array' then c.key_values else '[]' end) k
                where k ->> 'key' in ('contact_number', 'primary_contact') and k ->> 'value' = 'yes')
           else false end
     order by c.data_type <> 'PhoneNumber', c.is_voided, c.organisation_id <> $2, c.id)
  from public.individual i
 where i.id = $1 and i.organisation_id = $2 and not i.is_voided`

func loadSubject(ctx context.Context, pool *pgxpool.Pool, organisation Organisation, id int64) (receiver, error) {
	var first, middle, last *string
	var r receiver
	err := pool.QueryRow(ctx, loadSubjectSQL, id, organisation.ID, organisation.VisibleIDs).
		Scan(&first, &middle, &last, &r.numbers)
	r.name = fullName(first, middle, last)
	return r, err
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

func loadUser(ctx context.Context, pool *pgxpool.Pool, id int64) (receiver, error) {
	var r receiver
	var number *string
	err := pool.QueryRow(ctx, `select name, phone_number from public.users where id = $1 and not is_voided`, id).
		Scan(&r.name, &number)
	if number != nil {
		r.numbers = []string{*number}
	}
	return r, err
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
