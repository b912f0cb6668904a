package history

import (
	"cmp"
	"context"
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
