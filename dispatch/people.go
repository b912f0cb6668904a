package dispatch

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Person is a subject or a user of Avni, voided or not, with the phone numbers that
// messages to them may go to.
type Person struct {
	Type   string // Subject or User
	ID     int64
	UUID   string
	Name   string
	Voided bool
	// Phone is the number that messages go to; "" if none of theirs is valid.
	Phone Phone
	// Fault is the text of Phone's absence: why no number of theirs can be used.
	Fault string
}

// Rows is what looking for people needs of a connection, pool or transaction.
type Rows interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// withTailSQL finds subjects of $1, voided or not, whose observations hold a number that
// ends like $2. It reads all of them: no index helps.
const withTailSQL = subjectNumbersOf + ` and o.value is not null
)
select distinct id from numbered where ` + numberTail + ` = any($2)`

const usersWithTailSQL = `
select id from (select id, phone_number as number from public.users where organisation_id = any($1) and phone_number <> '') u
 where ` + numberTail + ` = any($2)`

// PeopleWithPhone finds those of an organisation for whom Avni has the number, however it
// is written there, users first, then the oldest first. It need not be the number that
// their messages go to. All subjects of the organisation are read for it.
func PeopleWithPhone(ctx context.Context, db Rows, of Organisation, phone Phone) ([]Person, error) {
	tails := []string{"", string(phone[max(0, len(phone)-tailDigits):])}
	var people []Person
	for _, source := range []struct {
		kind, sql string
		arguments []any
	}{
		{receiverUser, usersWithTailSQL, []any{[]int32{of.ID}, tails}},
		{receiverSubject, withTailSQL, []any{of.ID, tails, of.VisibleIDs}},
	} {
		rows, _ := db.Query(ctx, source.sql, source.arguments...) // its error is that of the rows
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, fmt.Errorf("look for a phone number (%s): %w", source.kind, err)
		}
		found, err := readPeople(ctx, db, of, source.kind, ids, func(r receiver) bool { return r.has(phone, of.Region) })
		if err != nil {
			return nil, err
		}
		people = append(people, found...)
	}
	return people, nil
}

// PeopleByID reads subjects or users of an organisation by id, in its order, voided or not.
func PeopleByID(ctx context.Context, db Rows, of Organisation, kind string, ids []int64) ([]Person, error) {
	return readPeople(ctx, db, of, kind, ids, func(receiver) bool { return true })
}

const (
	subjectPeopleSQL = `select id, uuid, is_voided, first_name, middle_name, last_name, ` + subjectNumbers + ` from public.individual i
 where id = any($1) and organisation_id = $2 order by id`
	userPeopleSQL = `select id, uuid, is_voided, name, null::text, null::text, array_remove(array[phone_number], null) from public.users
 where id = any($1) order by id`
)

func readPeople(ctx context.Context, db Rows, of Organisation, kind string, ids []int64, wanted func(receiver) bool) ([]Person, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	sql, arguments := userPeopleSQL, []any{ids}
	if kind == receiverSubject {
		sql, arguments = subjectPeopleSQL, []any{ids, of.ID, of.VisibleIDs}
	}
	rows, _ := db.Query(ctx, sql, arguments...) // its error is that of the rows
	var people []Person
	var p Person
	var first, middle, last *string
	var numbers []string
	_, err := pgx.ForEachRow(rows, []any{&p.ID, &p.UUID, &p.Voided, &first, &middle, &last, &numbers}, func() error {
		r := receiver{ref: receiverRef{kind: kind, id: p.ID}, numbers: numbers}
		numbers = nil
		if !wanted(r) {
			return nil
		}
		found := Person{Type: kind, ID: p.ID, UUID: p.UUID, Voided: p.Voided, Name: fullName(first, middle, last)}
		var err error
		if found.Phone, err = r.phone(of.Region); err != nil {
			found.Fault = faultOf(err)
		}
		people = append(people, found)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	return people, nil
}

// faultOf is the detail of a refusal.
func faultOf(err error) string {
	if refusal, ok := err.(*Refusal); ok {
		return refusal.Detail
	}
	return err.Error()
}

// has is true of a receiver with the number among theirs.
func (r receiver) has(phone Phone, region string) bool {
	for _, number := range r.numbers {
		if found, err := ParsePhone(number, region); err == nil && found == phone {
			return true
		}
	}
	return false
}
