package dispatch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch/glific"
)

// tailDigits is how many digits at the end of two spellings of one number agree, with
// or without country code, trunk prefix and blanks.
const tailDigits = 7

// A number in other digits than ASCII ones has no such end: it is looked at anyway.
const numberTail = `case when number ~ '[^ -~]' then '' else right(regexp_replace(number, '[^0-9]', '', 'g'), 7) end`

// knownUsersSQL and knownSubjectsSQL find who may have one of the numbers that end like
// $2, the oldest first. Subjects are read once, all of the organisation's: no index helps.
const (
	knownUsersSQL = `
select id, number
  from (select id, phone_number as number from public.users where organisation_id = $1 and not is_voided and phone_number <> '') u
 where ` + numberTail + ` = any($2)
 order by id`

	knownSubjectsSQL = subjectNumbersOf + ` and not i.is_voided and o.value is not null
)
select id, number from numbered join (select distinct unnest($2::text[]) as tail) t on t.tail = ` + numberTail + ` order by id`

	// subjectNumbersOf begins a query with every number of the subjects i of $1, which sees $3.
	subjectNumbersOf = `
with phone as materialized (
    select distinct c.uuid from public.concept c where c.organisation_id = any($3) and ` + isPhoneConcept + `
), numbered as (
    select i.id, coalesce(o.value ->> 'phoneNumber', case jsonb_typeof(o.value) when 'string' then o.value #>> '{}' end) as number
      from public.individual i
      cross join phone
      cross join lateral (select i.observations -> phone.uuid as value) o
     where i.organisation_id = $1`
)

// knownTo finds members in Avni by their phone numbers, as avni-server does: users of
// the organisation first, then subjects. Of several with one number it is the oldest.
func knownTo(ctx context.Context, pool *pgxpool.Pool, of Organisation, members []glific.Member) (map[string]receiverRef, error) {
	contacts, tails := make(map[Phone]string, len(members)), []string{""}
	for _, m := range members {
		contacts[Phone(m.Phone)] = m.ContactID
		tails = append(tails, m.Phone[max(0, len(m.Phone)-tailDigits):])
	}
	known := make(map[string]receiverRef)
	for _, source := range []struct {
		kind, sql string
		arguments []any
	}{
		{receiverUser, knownUsersSQL, []any{of.ID, tails}},
		{receiverSubject, knownSubjectsSQL, []any{of.ID, tails, of.VisibleIDs}},
	} {
		rows, _ := pool.Query(ctx, source.sql, source.arguments...)
		var id int64
		var number string
		_, err := pgx.ForEachRow(rows, []any{&id, &number}, func() error {
			phone, err := ParsePhone(number, of.Region)
			contact := contacts[phone]
			if _, taken := known[contact]; err == nil && contact != "" && !taken {
				known[contact] = receiverRef{kind: source.kind, id: id}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for members of a group among Avni's people (%s): %w", source.kind, err)
		}
	}
	return known, nil
}
