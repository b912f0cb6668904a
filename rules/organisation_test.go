package rules

import (
	"maps"
	"slices"
	"sync"

	"avni-messenger/internal/avnitest"
)

// fakeDirectory is a Directory that tests change as they like.
type fakeDirectory struct {
	mu   sync.Mutex
	orgs map[int32]Organisation
}

// seedDirectory knows the sample organisations, all with the same treatment.
func seedDirectory(treatment Treatment) *fakeDirectory {
	d := &fakeDirectory{orgs: map[int32]Organisation{}}
	for _, o := range []Organisation{
		{ID: avnitest.AshaGramin, Name: "Asha Gramin", DBUser: "asha_gramin", VisibleIDs: []int32{101}, AvniSystemUserID: 201},
		{ID: avnitest.SevaBase, Name: "Seva Base", DBUser: "seva_base", VisibleIDs: []int32{102}, AvniSystemUserID: 221},
		{ID: avnitest.SevaNepal, Name: "Seva Nepal", DBUser: "seva_nepal", VisibleIDs: []int32{103, 102}, AvniSystemUserID: 211},
	} {
		o.Treatment = treatment
		d.orgs[o.ID] = o
	}
	return d
}

func (d *fakeDirectory) Organisation(id int32) (Organisation, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, ok := d.orgs[id]
	return o, ok
}

func (d *fakeDirectory) IDs() []int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.orgs))
}

// forget makes an organisation one that is not known.
func (d *fakeDirectory) forget(id int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	orgs := maps.Clone(d.orgs)
	delete(orgs, id)
	d.orgs = orgs
}

// treat changes how an organisation is treated.
func (d *fakeDirectory) treat(id int32, treatment Treatment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	orgs := maps.Clone(d.orgs)
	o := orgs[id]
	o.ID, o.Treatment = id, treatment
	orgs[id] = o
	d.orgs = orgs
}

// the returns an organisation that is known.
func (d *fakeDirectory) the(id int32) Organisation {
	o, _ := d.Organisation(id)
	return o
}
