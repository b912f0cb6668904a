package history

import (
	"context"
	"fmt"
	"slices"

	"avni-messenger/dispatch"
)

// byRequest looks for a request with the number.
func (s *search) byRequest(ctx context.Context) (bool, error) {
	found, err := s.requestsOf(ctx, requestsByIDSQL, []int64{s.request})
	if err != nil {
		return false, err
	}
	s.x.Read = fmt.Sprintf("request %d (message_request_queue.id)", s.request)
	s.add(found)
	if len(s.requests) == 0 {
		s.note("There is no request %d in Avni's queue%s.", s.request, s.whose())
	}
	return len(s.requests) > 0, nil
}

// add takes requests and the entities that they are about.
func (s *search) add(requests []request) {
	for _, r := range requests {
		if s.concerns(r.OrganisationID) && !slices.ContainsFunc(s.requests, func(known request) bool { return known.ID == r.ID }) {
			s.requests = append(s.requests, r)
		}
	}
}

// whose says where was looked.
func (s *search) whose() string {
	if s.only {
		return " of organisation " + s.within[0].DBUser
	}
	return ""
}

// byRule tells of the newest messages of one rule.
func (s *search) byRule(ctx context.Context, id int64) error {
	s.x.Read = fmt.Sprintf("message rule %d", id)
	rules, err := collect[struct {
		Name           string
		OrganisationID int32
		Voided         bool
	}](ctx, s.view, "message rule", `select name, organisation_id, is_voided from public.message_rule where id = $1`, id)
	if err != nil {
		return err
	}
	if len(rules) == 0 || !s.concerns(rules[0].OrganisationID) {
		s.note("There is no message rule %d%s.", id, s.whose())
		return nil
	}
	rule := rules[0]
	s.x.Known = true
	s.x.Read = fmt.Sprintf("message rule %s of %s", ruleName(id, rule.Name), s.label(rule.OrganisationID))
	s.note("Only its newest messages and the newest answers of it are told of.")
	if rule.Voided {
		s.note("The rule is voided: it is not run.")
	}
	found, err := s.requestsOf(ctx, requestsByRuleSQL, id, mostStories)
	if err != nil {
		return err
	}
	s.add(found)
	s.log, err = s.logOf(ctx, logByRuleSQL, id, mostStories)
	return err
}

// byUUID looks for a uuid wherever it may be one.
func (s *search) byUUID(ctx context.Context) error {
	s.x.Read = "a uuid"
	entities, err := s.entitiesByUUID(ctx, s.uuid)
	if err != nil {
		return err
	}
	for _, e := range entities {
		if s.concerns(e.OrganisationID) {
			return s.byEntity(ctx, e.key())
		}
	}
	requests, err := s.requestsOf(ctx, requestsByUUIDSQL, s.uuid)
	if err != nil {
		return err
	}
	if s.add(requests); len(s.requests) > 0 {
		s.x.Read = fmt.Sprintf("the uuid of request %d", s.requests[0].ID)
		return nil
	}
	rules, err := collect[struct{ ID int64 }](ctx, s.view, "message rule", `select id from public.message_rule where uuid = $1`, s.uuid)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		return s.byRule(ctx, rule.ID)
	}
	s.note("No subject, enrolment, visit, user, request or message rule%s has this uuid.", s.whose())
	return nil
}

// byEntity tells of an entity, and of what hangs under it.
func (s *search) byEntity(ctx context.Context, key entityKey) error {
	s.x.Read = key.String()
	found, err := s.entities(ctx, []entityKey{key})
	if err != nil {
		return err
	}
	e, ok := found[key]
	if !ok || !s.concerns(e.OrganisationID) {
		s.note("There is no %s%s.", key, s.whose())
		return nil
	}
	s.x.Known = true
	s.x.Read = fmt.Sprintf("%s of %s", named(key.kind, key.id, e.Name), s.label(e.OrganisationID))
	if key.kind == "Subject" || key.kind == "User" {
		people, err := dispatch.PeopleByID(ctx, s.tx, s.organisations[e.OrganisationID].forDispatch(), key.kind, []int64{key.id})
		if err != nil {
			return err
		}
		s.addPeople(e.OrganisationID, people, "")
	}
	if err := s.aboutPeople(ctx); err != nil {
		return err
	}
	if key.kind == "ProgramEnrolment" {
		visits, err := collect[struct{ ID int64 }](ctx, s.view, "visits", `select id from public.program_encounter where program_enrolment_id = $1 order by id desc limit $2`, key.id, mostUnder)
		if err != nil {
			return err
		}
		for _, visit := range visits {
			s.keys = append(s.keys, entityKey{"ProgramEncounter", visit.ID})
		}
	}
	s.keys = append(s.keys, key)
	return s.aboutEntities(ctx)
}

// forDispatch is the organisation as dispatch knows it.
func (o organisation) forDispatch() dispatch.Organisation {
	return dispatch.Organisation{ID: o.ID, Name: o.DBUser, Region: o.Region, VisibleIDs: o.Visible}
}

// aboutEntities adds the requests that entities have led to.
func (s *search) aboutEntities(ctx context.Context) error {
	kinds, _, ids := columns(s.keys)
	var organisations []int32
	for id := range s.organisations {
		if s.concerns(id) {
			organisations = append(organisations, id)
		}
	}
	found, err := s.requestsOf(ctx, requestsByEntitySQL, kinds, ids, organisations, mostStories)
	s.add(found)
	return err
}
