package rules

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// NotFound says what a tester was asked for and is not there, or does not go together.
type NotFound struct{ What string }

func (n *NotFound) Error() string { return n.What }

func notFound(format string, args ...any) error { return &NotFound{fmt.Sprintf(format, args...)} }

var (
	idForm   = regexp.MustCompile(`^[0-9]{1,18}$`)
	uuidForm = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// Rule reads the message rule of an id, a uuid or a name, voided or not. Of several of a
// name it is the one that is not voided. The error is a *NotFound if there is none, or
// several.
func (t *Tester) Rule(ctx context.Context, name string) (Rule, error) {
	condition, wanted := `lower(name) = lower($1)`, any(strings.TrimSpace(name))
	switch {
	case idForm.MatchString(name):
		id, _ := strconv.ParseInt(name, 10, 64)
		condition, wanted = `id = $1::bigint`, id
	case uuidForm.MatchString(name):
		condition, wanted = `uuid = $1`, strings.ToLower(name)
	}
	rows, _ := t.pool.Query(ctx, `select `+ruleColumns+` from message_rule where `+condition+` order by is_voided, id`, wanted) // its error is that of the rows
	found, err := pgx.CollectRows(rows, scanRule)
	switch {
	case err != nil:
		return Rule{}, fmt.Errorf("read message rule %s: %w", name, err)
	case len(found) == 0 && idForm.MatchString(name):
		return Rule{}, notFound("there is no message rule %s", name)
	case len(found) == 0:
		return Rule{}, notFound("there is no message rule %q%s", name, t.namedLike(ctx, name))
	}
	if current := slices.IndexFunc(found, func(r Rule) bool { return r.Voided }); current > 0 {
		found = found[:current]
	}
	if len(found) > 1 {
		return Rule{}, notFound("there are %d message rules %q: name one by its id, %s", len(found), name, idsOf(found))
	}
	return found[0], nil
}

// namedLike names rules whose name has the text in it, for an error.
func (t *Tester) namedLike(ctx context.Context, text string) string {
	rows, _ := t.pool.Query(ctx, `select format('"%s" (%s)', name, id) from message_rule
		where position(lower($1) in lower(name)) > 0 and not is_voided order by name, id limit 3`, strings.TrimSpace(text)) // its error is that of the rows
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		return ""
	}
	return "; there is " + strings.Join(names, ", ")
}

func idsOf(found []Rule) string {
	var ids []string
	for _, r := range found {
		ids = append(ids, fmt.Sprintf("%d (organisation %d)", r.ID, r.OrganisationID))
	}
	return strings.Join(ids, " or ")
}

// EntityTypes are those that rules can be about.
var EntityTypes = []EntityType{Subject, ProgramEnrolment, Encounter, ProgramEncounter, User}

// EntityName is an entity as somebody calls it: by its id or its uuid, perhaps with its type.
type EntityName struct {
	Type EntityType // "": not said
	ID   int64      // 0: UUID says which
	UUID string
}

// ParseEntityName reads Subject:1001, 1001, or a uuid with or without a type. The error is
// for whoever typed it.
func ParseEntityName(text string) (EntityName, error) {
	var name EntityName
	kind, rest, typed := strings.Cut(text, ":")
	if !typed {
		kind, rest = "", text
	}
	for _, t := range EntityTypes {
		if strings.EqualFold(kind, string(t)) {
			name.Type = t
		}
	}
	if typed && name.Type == "" {
		return name, fmt.Errorf("%q is no entity type: it must be one of Subject, ProgramEnrolment, Encounter, ProgramEncounter and User", kind)
	}
	switch {
	case idForm.MatchString(rest):
		id, err := strconv.ParseInt(rest, 10, 32) // the columns are of type int4
		if err != nil {
			return name, fmt.Errorf("no id in Avni is greater than %d, and %s is: it must be an id or a uuid, such as Subject:1001", math.MaxInt32, rest)
		}
		name.ID = id
	case uuidForm.MatchString(rest):
		name.UUID = strings.ToLower(rest)
	default:
		return name, fmt.Errorf("%q is neither an id nor a uuid: it must be such as Subject:1001, 1001 or a uuid", rest)
	}
	return name, nil
}

func (n EntityName) String() string {
	which := n.UUID
	if which == "" {
		which = strconv.FormatInt(n.ID, 10)
	}
	if n.Type == "" {
		return "entity " + which
	}
	return string(n.Type) + " " + which
}

// Entity is one of Avni's entities, as it was found.
type Entity struct {
	Type           EntityType
	ID             int64
	UUID           string
	OrganisationID int32
	TypeID         int32  // 0 of users
	TypeName       string // of the subject type, program or encounter type
	Modified       time.Time
}

// typeColumns say where the type of an entity is.
var typeColumns = map[EntityType]struct{ column, table string }{
	Subject:          {"subject_type_id", "subject_type"},
	ProgramEnrolment: {"program_id", "program"},
	Encounter:        {"encounter_type_id", "encounter_type"},
	ProgramEncounter: {"encounter_type_id", "encounter_type"},
}

func findSQL(t EntityType) string {
	columns, join := `0, ''`, ``
	if of, typed := typeColumns[t]; typed {
		columns, join = `e.`+of.column+`::integer, coalesce(k.name, '')`, ` left join `+of.table+` k on k.id = e.`+of.column
	}
	return `select '` + string(t) + `', e.id, coalesce(e.uuid, ''), coalesce(e.organisation_id, 0), ` + columns + `, e.last_modified_date_time
		from ` + tableOf[t] + ` e` + join
}

// Entity finds an entity of any organisation. Without a type it is looked for where rules of
// the given type would find it, and a uuid elsewhere as well. The error is a *NotFound if
// it is not there.
func (t *Tester) Entity(ctx context.Context, name EntityName, about EntityType) (Entity, error) {
	types := []EntityType{name.Type}
	switch {
	case name.Type == "" && name.UUID != "":
		types = EntityTypes
	case name.Type == "" && about == "":
		return Entity{}, notFound("%s could be of any type: say which, such as Subject:%d", name, name.ID)
	case name.Type == "":
		types = []EntityType{about}
		name.Type = about
	}
	for _, kind := range types {
		condition, wanted := ` where e.id = $1`, any(name.ID)
		if name.UUID != "" {
			condition, wanted = ` where e.uuid = $1`, name.UUID
		}
		rows, _ := t.pool.Query(ctx, findSQL(kind)+condition, wanted)
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Entity])
		if err != nil {
			return Entity{}, fmt.Errorf("look for %s: %w", name, err)
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	if name.Type == "" {
		return Entity{}, notFound("no subject, enrolment, visit or user has the uuid %s", name.UUID)
	}
	return Entity{}, notFound("there is no %s", name)
}

// fits refuses an entity that the rule would not be run on in any state.
func (t *Tester) fits(ctx context.Context, org Organisation, rule Rule, e Entity) error {
	switch {
	case e.OrganisationID != org.ID:
		return notFound("%s %d belongs to organisation %s, and the rule to %s: rules run on what is their organisation's own",
			e.Type, e.ID, t.organisationName(ctx, e.OrganisationID), org.label())
	case rule.ID == 0:
		return nil
	case e.Type != rule.EntityType:
		return notFound("%s %d is not what rule %d is about: that is entities of type %s", e.Type, e.ID, rule.ID, rule.EntityType)
	case e.Type != User && e.TypeID != rule.TypeID:
		return notFound("%s %d is of type %q (%d), and rule %d is about type %q (%d)",
			e.Type, e.ID, e.TypeName, e.TypeID, rule.ID, t.typeName(ctx, rule), rule.TypeID)
	}
	return nil
}

// organisationName and typeName are for errors, which tell enough without them.
func (t *Tester) organisationName(ctx context.Context, id int32) string {
	var name string
	if err := t.pool.QueryRow(ctx, `select db_user from organisation where id = $1`, id).Scan(&name); err != nil {
		return strconv.Itoa(int(id))
	}
	return name
}

func (t *Tester) typeName(ctx context.Context, rule Rule) (name string) {
	if of, typed := typeColumns[rule.EntityType]; typed {
		_ = t.pool.QueryRow(ctx, `select name from `+of.table+` where id = $1`, rule.TypeID).Scan(&name)
	}
	return name
}
