package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// OrganisationName is an organisation that may have messages.
type OrganisationName struct {
	ID   int32
	Name string // db_user
}

// Organisations returns those that are served or have a message rule, by name. It is much
// cheaper than an Overview.
func (r *Reader) Organisations(ctx context.Context) ([]OrganisationName, error) {
	var names []OrganisationName
	err := r.read(ctx, func(ctx context.Context, v *view) error {
		ruled, err := v.idsOf(ctx, "organisations with rules", `select distinct organisation_id::bigint from public.message_rule`)
		if err != nil {
			return err
		}
		for _, o := range v.organisations {
			if _, served := v.options.Served(o.ID); served || slices.Contains(ruled, int64(o.ID)) {
				names = append(names, OrganisationName{o.ID, o.DBUser})
			}
		}
		slices.SortFunc(names, func(x, y OrganisationName) int { return cmp.Compare(x.Name, y.Name) })
		return nil
	})
	return names, err
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
