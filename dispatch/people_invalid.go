package dispatch

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
)

// LeastTail is how many digits at the end two spellings of a number that is not valid have
// to agree in, unless it has no more.
const LeastTail = 5

// mostUnreachable is how many people with a number that is not valid are looked at.
const mostUnreachable = 5000

// unreachableSQL finds whom messages of $1 were last refused for because their number is not
// valid. It reads refused deliveries only, by their index.
const unreachableSQL = `
select r.receiver_type, array_agg(distinct r.receiver_id::bigint)
  from (select request_id from messenger.delivery where organisation_id = $1 and state = 'refused' and reason = '` + string(InvalidPhone) + `'
         order by updated_at desc limit $2) d
  join public.message_request_queue q on q.id = d.request_id
  join public.message_receiver r on r.id = q.message_receiver_id
 where r.receiver_type in ('` + receiverSubject + `', '` + receiverUser + `') and r.receiver_id is not null
 group by 1 order by 1 desc`

// PeopleWithInvalidPhone finds those of an organisation whom a message could not be sent to as
// Avni's number of theirs is not valid, and for whom Avni still has such a number that is
// written like text: with the same digits, but for leading zeros, or the same last ones. Users
// come first, then the oldest.
func PeopleWithInvalidPhone(ctx context.Context, db Rows, of Organisation, text string) ([]Person, error) {
	wanted := bareDigits(text)
	if wanted == "" {
		return nil, nil
	}
	rows, _ := db.Query(ctx, unreachableSQL, of.ID, mostUnreachable) // its error is that of the rows
	unreachable, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Kind string
		IDs  []int64
	}])
	if err != nil {
		return nil, fmt.Errorf("look for whom no message could be sent to: %w", err)
	}
	var people []Person
	for _, u := range unreachable {
		found, err := readPeople(ctx, db, of, u.Kind, u.IDs, func(r receiver) bool { return r.hasInvalid(wanted, of.Region) })
		if err != nil {
			return nil, err
		}
		people = append(people, found...)
	}
	return people, nil
}

// hasInvalid is true of a receiver with a number among theirs that is not valid and ends like
// the digits.
func (r receiver) hasInvalid(digits, region string) bool {
	for _, number := range r.numbers {
		if _, err := ParsePhone(number, region); err != nil && endAlike(bareDigits(number), digits) {
			return true
		}
	}
	return false
}

// endAlike is true if one of two ends with the other, which has enough digits or is all of it.
func endAlike(x, y string) bool {
	if len(x) > len(y) {
		x, y = y, x
	}
	return x != "" && (x == y || len(x) >= LeastTail && strings.HasSuffix(y, x))
}

// bareDigits are the digits of a text in ASCII, without those zeros that it begins with.
func bareDigits(text string) string {
	digits := strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return -1
		}
		return asciiDigit(r)
	}, text)
	return strings.TrimLeft(digits, "0")
}
