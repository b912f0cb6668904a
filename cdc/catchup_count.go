package cdc

import (
	"cmp"
	"context"
	"slices"
)

// CatchUpCount is how many changes of one table and organisation a catch-up by hand finds.
type CatchUpCount struct {
	Table          Table
	OrganisationID int32
	Changes        int64
}

// CountCatchUp counts what CatchUpByHand would put into the inbox at this moment: by table,
// in the order in which they are looked through, and by organisation.id. It writes nothing,
// and needs none of our tables.
func CountCatchUp(ctx context.Context, options CatchUpOptions) ([]CatchUpCount, error) {
	s, err := options.scan()
	if err != nil {
		return nil, err
	}
	var counts []CatchUpCount
	s.counted = func(c chunk) {
		for _, row := range c.rows {
			same := func(known CatchUpCount) bool {
				return known.Table == row.change.Table && known.OrganisationID == row.change.OrganisationID
			}
			at := slices.IndexFunc(counts, same)
			if at < 0 {
				at = len(counts)
				counts = append(counts, CatchUpCount{row.change.Table, row.change.OrganisationID, 0})
			}
			counts[at].Changes++
		}
	}
	s.progressed(0)
	err = s.lookThrough(ctx)
	slices.SortStableFunc(counts, func(x, y CatchUpCount) int {
		return cmp.Or(cmp.Compare(findTable(string(x.Table)).index, findTable(string(y.Table)).index), cmp.Compare(x.OrganisationID, y.OrganisationID))
	})
	return counts, err
}
