package history

import (
	"context"
	"fmt"
)

// optionalTables are told of if they are there: a database that an older version has
// prepared lacks them.
var optionalTables = []string{"hold", "activation", "held", "parity"}

func (v *view) readTables(ctx context.Context) error {
	rows, err := collect[struct{ Name string }](ctx, v, "which tables there are",
		`select name from unnest($1::text[]) name where to_regclass('messenger.' || name) is not null`, optionalTables)
	if err != nil {
		return err
	}
	v.tables = make(map[string]bool, len(rows))
	for _, row := range rows {
		v.tables[row.Name] = true
	}
	return nil
}

// organisation is one of Avni's organisations, served or not.
type organisation struct {
	ID      int32
	DBUser  string
	Name    string
	Voided  bool
	Region  string
	Visible []int32 // its own id first, then its ancestors
}

const organisationsSQL = `
select o.id, o.db_user, o.name, o.is_voided, coalesce(a.region, 'IN'), array(
    with recursive line (id, parent, depth) as (
        select o.id, o.parent_organisation_id, 1
        union all
        select p.id, p.parent_organisation_id, depth + 1 from line join public.organisation p on p.id = line.parent where depth < 20)
    select id from line order by depth)
  from public.organisation o left join public.account a on a.id = o.account_id`

func (v *view) readOrganisations(ctx context.Context) error {
	rows, err := collect[organisation](ctx, v, "organisations", organisationsSQL)
	if err != nil {
		return err
	}
	v.organisations = make(map[int32]organisation, len(rows))
	for _, o := range rows {
		v.organisations[o.ID] = o
	}
	return nil
}

// label is how the organisation is named everywhere: its db_user.
func (v *view) label(id int32) string {
	if o, ok := v.organisations[id]; ok {
		return o.DBUser
	}
	return fmt.Sprintf("organisation %d", id)
}
