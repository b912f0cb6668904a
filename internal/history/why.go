package history

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// logKept is how long messenger.trigger_log keeps what rules answered.
const logKept = 30 * 24 * time.Hour

// mostWhy is of how many entities it is told why nothing came of them.
const mostWhy = 3

// whyNothing says why nothing may have come of what was asked for.
func (s *search) whyNothing(ctx context.Context, t tidings) error {
	if !s.x.Known {
		s.note("Nothing was found. Organisations that are served here: %s.", s.servedNames())
		return nil
	}
	told := 0
	for _, key := range s.keys {
		e, there := t.entities[key]
		if !there || told == mostWhy {
			continue
		}
		told++
		if err := s.whyNothingOf(ctx, e); err != nil {
			return err
		}
	}
	if told == 0 {
		s.note("Nothing has come of it yet.")
	}
	return nil
}

// whyNothingOf says why nothing may have come of one entity.
func (s *search) whyNothingOf(ctx context.Context, e entityRow) error {
	about := "No message and no answer of a rule is known about " + named(e.Kind, e.ID, e.Name)
	saved := fmt.Sprintf("which was saved last at %s", s.clock(e.SavedAt))
	if e.SavedBy != "" {
		saved += " by " + e.SavedBy
	}
	rules, err := s.rulesAbout(ctx, e)
	if err != nil {
		return err
	}
	reasons, err := s.reasonsFor(ctx, e, rules)
	if err != nil {
		return err
	}
	s.note("%s, %s. %s", about, saved, strings.Join(reasons, " "))
	return nil
}

// aboutRule is a rule that is about the entities of a type.
type aboutRule struct {
	ID   int64
	Name string
}

func (s *search) rulesAbout(ctx context.Context, e entityRow) ([]aboutRule, error) {
	return collect[aboutRule](ctx, s.view, "message rules", `
		select id, name from public.message_rule
		 where organisation_id = $1 and entity_type = $2 and (entity_type_id = $3 or $2 = 'User') and not is_voided order by id`, e.OrganisationID, e.Kind, e.TypeID)
}

// reasonsFor are the reasons, from the surest to the least sure.
func (s *search) reasonsFor(ctx context.Context, e entityRow, rules []aboutRule) ([]string, error) {
	organisation := s.label(e.OrganisationID)
	served, isServed := s.options.Served(e.OrganisationID)
	kind := e.Kind
	if e.TypeName != "" {
		kind += " of type " + e.TypeName
	}
	switch {
	case !isServed:
		return []string{fmt.Sprintf("Organisation %s is not served by avni-messenger as it is configured here: its changes are not kept.", organisation)}, nil
	case len(rules) == 0:
		return []string{fmt.Sprintf("No message rule of %s is about a %s.", organisation, kind)}, nil
	case e.Voided:
		return []string{"It is voided: no message is sent about it."}, nil
	case served.Mode == "dispatch":
		return []string{fmt.Sprintf("Organisation %s is in mode dispatch: avni-server runs its rules, and has made no request.", organisation)}, nil
	}
	var names []string
	for _, rule := range rules {
		names = append(names, ruleName(rule.ID, rule.Name))
	}
	reasons := []string{fmt.Sprintf("Rules about it: %s.", strings.Join(names, ", "))}
	read, err := s.readUpTo(ctx)
	if err != nil {
		return nil, err
	}
	switch from := s.activeFrom(e.OrganisationID, rules); {
	case from.After(e.SavedAt):
		reasons = append(reasons, fmt.Sprintf("They were started here at %s, after it was saved: what was saved before makes no message, unless avni-messenger catch-up asks for it.", s.clock(from)))
	case !read.IsZero() && read.Before(e.SavedAt):
		reasons = append(reasons, fmt.Sprintf("The last change that was read was committed at %s, before it was saved: avni-messenger status tells how far changes have been read.", s.clock(read)))
	case e.SavedAt.Before(s.now.Add(-logKept)):
		reasons = append(reasons, "What rules answered is kept for 30 days only.")
	default:
		reasons = append(reasons, "Changes from before the organisation or the rule was started here make no message, unless avni-messenger catch-up asks for them.")
	}
	return reasons, nil
}

// activeFrom is since when the first of the rules is run; zero if it is not known.
func (s *search) activeFrom(organisation int32, rules []aboutRule) time.Time {
	from := s.active[activationKey{organisation, 0}]
	if len(rules) == 0 {
		return from
	}
	var earliest time.Time
	for _, rule := range rules {
		if own, known := s.active[activationKey{organisation, rule.ID}]; known && (earliest.IsZero() || own.Before(earliest)) {
			earliest = own
		}
	}
	if earliest.After(from) {
		return earliest
	}
	return from
}

// readUpTo is when the last change that was read had been committed; zero if none was.
func (s *search) readUpTo(ctx context.Context) (time.Time, error) {
	rows, err := collect[struct{ At *time.Time }](ctx, s.view, "position", `select committed_at from messenger.position where slot = $1`, s.options.Names.Slot)
	if err != nil || len(rows) == 0 || rows[0].At == nil {
		return time.Time{}, err
	}
	return *rows[0].At, nil
}
