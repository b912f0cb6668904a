package history

import "context"

// tidings are everything but requests that stories are made of.
type tidings struct {
	log      []logRow
	inbox    []waitingRow
	held     []heldRow
	compared map[pairKey]compared
	attempts map[int64][]attemptRow
	receipts map[int64][]receiptRow
	members  []memberRow
	counts   map[int64][]memberCount
	entities map[entityKey]entityRow
	users    map[int64]string
}

// pairKey is a rule and an entity: what there is one message of.
type pairKey struct {
	rule int64
	of   entityKey
}

// gather reads what is known about entities and requests.
func (v *view) gather(ctx context.Context, keys []entityKey, requests []request, log []logRow, phones []string) (tidings, error) {
	t := tidings{log: log, compared: map[pairKey]compared{}, attempts: map[int64][]attemptRow{}, receipts: map[int64][]receiptRow{}}
	named := append([]entityKey{}, keys...)
	var requestIDs, users []int64
	for _, r := range requests {
		requestIDs = append(requestIDs, r.ID)
		if r.EntityType != "" && r.EntityID != 0 {
			named = append(named, entityKey{r.EntityType, r.EntityID})
		}
	}
	for _, l := range log {
		named = append(named, l.key())
		if l.ChangedBy != 0 {
			users = append(users, l.ChangedBy)
		}
	}
	var err error
	if t.entities, err = v.entities(ctx, unique(named)); err != nil {
		return t, err
	}
	if err = v.gatherWaiting(ctx, &t, keys); err != nil {
		return t, err
	}
	if err = v.gatherDeliveries(ctx, &t, requestIDs, phones); err != nil {
		return t, err
	}
	t.users, err = v.usernames(ctx, users)
	return t, err
}

// gatherWaiting reads what of entities has not led to a request.
func (v *view) gatherWaiting(ctx context.Context, t *tidings, keys []entityKey) (err error) {
	_, tables, ids := columns(keys)
	organisations := map[int32]bool{}
	for _, e := range t.entities {
		organisations[e.OrganisationID] = true
	}
	if t.inbox, err = collect[waitingRow](ctx, v, "inbox", inboxSQL, tables, ids); err != nil {
		return err
	}
	if t.held, err = collect[heldRow](ctx, v, "held requests", heldSQL, tables, ids, keysOf(organisations)); err != nil {
		return err
	}
	rows, err := collect[compared](ctx, v, "comparisons", paritySQL, tables, ids, keysOf(organisations))
	for _, row := range rows {
		t.compared[pairKey{row.RuleID, entityKey{typeOf[row.Table], row.EntityID}}] = row
	}
	return err
}

func (v *view) gatherDeliveries(ctx context.Context, t *tidings, requests []int64, phones []string) (err error) {
	if len(phones) > 0 {
		if t.members, err = collect[memberRow](ctx, v, "members of groups", membersSQL, requests, phones); err != nil {
			return err
		}
	}
	counts, err := collect[memberCount](ctx, v, "members of groups", memberCountsSQL, requests)
	if err != nil {
		return err
	}
	t.counts = make(map[int64][]memberCount)
	for _, c := range counts {
		t.counts[c.RequestID] = append(t.counts[c.RequestID], c)
	}
	all := requests
	for _, m := range t.members {
		all = append(all, m.ID)
	}
	attempts, err := collect[attemptRow](ctx, v, "attempts", attemptsSQL, all)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		t.attempts[a.RequestID] = append(t.attempts[a.RequestID], a)
	}
	receipts, err := collect[receiptRow](ctx, v, "receipts", receiptsSQL, all)
	for _, r := range receipts {
		t.receipts[r.RequestID] = append(t.receipts[r.RequestID], r)
	}
	return err
}

func unique[T comparable](all []T) []T {
	seen := make(map[T]bool, len(all))
	var kept []T
	for _, one := range all {
		if !seen[one] {
			seen[one] = true
			kept = append(kept, one)
		}
	}
	return kept
}

func keysOf[K comparable, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	return keys
}
