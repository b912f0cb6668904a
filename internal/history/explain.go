package history

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Question is what somebody wants to know about.
type Question struct {
	// Text is a phone number, however it is written; a uuid of a subject, an enrolment, a
	// visit, a user, a request or a message rule; a request's number; or a type and an id,
	// such as Subject:1001, User:202, Rule:601 or Request:931.
	Text         string
	Organisation string // db_user or id; "": all that are served
}

// UnknownOrganisation is the error of a question about an organisation that is not there.
type UnknownOrganisation struct{ Name string }

func (u *UnknownOrganisation) Error() string {
	return fmt.Sprintf("Avni has no organisation %q: give its db_user or its id", u.Name)
}

// Explain tells what is known about something. That nothing is found is no error: the
// notes say what was searched. The error is an *UnknownOrganisation, a *TooSlow, or trouble
// with the database.
func (r *Reader) Explain(ctx context.Context, asked Question) (Explanation, error) {
	x := Explanation{Question: strings.TrimSpace(asked.Text), People: []Person{}, Stories: []Story{}, Notes: []string{}}
	err := r.read(ctx, func(ctx context.Context, v *view) error {
		s := &search{view: v, question: parseQuestion(asked.Text), x: &x}
		if err := s.restrict(asked.Organisation); err != nil {
			return err
		}
		if err := s.run(ctx); err != nil {
			return err
		}
		return s.tell(ctx)
	})
	return x, err
}

// search is one question on its way to an answer.
type search struct {
	*view
	question
	x *Explanation

	within   []organisation // whose phone numbers are searched
	only     bool           // one organisation was named
	requests []request
	keys     []entityKey // entities whose changes are told of
	log      []logRow    // of a rule
	phones   []string    // as messenger.delivery has them
}

// restrict finds the organisations to search in.
func (s *search) restrict(name string) error {
	for _, o := range s.organisations {
		_, served := s.options.Served(o.ID)
		if name == "" && served || name != "" && (o.DBUser == name || strconv.Itoa(int(o.ID)) == name) {
			s.within = append(s.within, o)
		}
	}
	slices.SortFunc(s.within, func(x, y organisation) int { return strings.Compare(x.DBUser, y.DBUser) })
	s.only = name != ""
	if s.only && len(s.within) == 0 {
		return &UnknownOrganisation{name}
	}
	return nil
}

// concerns is true of what belongs to an organisation that is asked about.
func (s *search) concerns(organisationID int32) bool {
	return !s.only || slices.ContainsFunc(s.within, func(o organisation) bool { return o.ID == organisationID })
}

func (s *search) run(ctx context.Context) error {
	switch {
	case s.uuid != "":
		return s.byUUID(ctx)
	case s.entityType == "Rule" && s.id != 0:
		return s.byRule(ctx, s.id)
	case s.entityType != "" && s.id != 0:
		return s.byEntity(ctx, entityKey{s.entityType, s.id})
	}
	if s.request != 0 {
		if found, err := s.byRequest(ctx); found || err != nil {
			return err
		}
	}
	if s.phone {
		return s.byPhone(ctx)
	}
	if s.digits {
		if written, err := s.byInvalidPhone(ctx); written || err != nil {
			return err
		}
	}
	if s.tooGreat {
		s.x.Read = "a type and what is no id"
		s.note("No id in Avni is greater than %d. A phone number is written alone, without a type.", greatestID)
		return nil
	}
	if s.request == 0 {
		s.x.Read = "neither a phone number, nor a uuid, nor a request"
		s.note("Write a phone number with or without country code (+91 98765 00001, 098765-00001), the uuid of a subject, an enrolment, a visit, a user, a request or a rule, " +
			"a request's number (message_request_queue.id), or a type and an id, such as Subject:1001, ProgramEnrolment:12, Encounter:7, ProgramEncounter:7, User:202 or Rule:601.")
	}
	return nil
}

func (s *search) note(format string, args ...any) {
	s.x.Notes = append(s.x.Notes, fmt.Sprintf(format, args...))
}

// tell makes the answer.
func (s *search) tell(ctx context.Context) error {
	s.keys = unique(s.keys)
	_, tables, ids := columns(s.keys)
	byEntity, err := s.logOf(ctx, logByEntitySQL, tables, ids, mostLogged)
	if err != nil {
		return err
	}
	var requestIDs []int64
	pairs := make(map[entityKey]bool)
	for _, r := range s.requests {
		requestIDs = append(requestIDs, r.ID)
		if r.RuleID != 0 {
			pairs[entityKey{r.EntityType, r.EntityID}] = true
		}
	}
	byRequest, err := s.logOf(ctx, logByRequestSQL, requestIDs, mostLogged)
	if err != nil {
		return err
	}
	_, tables, ids = columns(keysOf(pairs))
	ofPairs, err := s.logOf(ctx, logByEntitySQL, tables, ids, mostLogged)
	if err != nil {
		return err
	}
	log := s.merge(byEntity, byRequest, s.log, s.ofRequests(ofPairs))
	t, err := s.gather(ctx, s.keys, s.requests, log, s.phones)
	if err != nil {
		return err
	}
	stories := s.view.tell(s.requests, t)
	if len(stories) > mostStories {
		s.note("Only the newest %d of %d stories are told.", mostStories, len(stories))
		stories = stories[:mostStories]
	}
	s.x.Stories = append(s.x.Stories, stories...)
	s.x.Known = s.x.Known || len(s.x.People) > 0 || len(s.x.Stories) > 0
	if len(stories) == 0 {
		return s.whyNothing(ctx, t)
	}
	return nil
}

// ofRequests keeps of the log of entities what is about the requests' rules.
func (s *search) ofRequests(log []logRow) []logRow {
	pairs := make(map[pairKey]bool)
	for _, r := range s.requests {
		pairs[pairKey{r.RuleID, entityKey{r.EntityType, r.EntityID}}] = true
	}
	return slices.DeleteFunc(log, func(l logRow) bool { return !pairs[pairKey{l.RuleID, l.key()}] })
}

// merge puts parts of the log together, in order.
func (s *search) merge(parts ...[]logRow) []logRow {
	var all []logRow
	seen := make(map[int64]bool)
	for _, part := range parts {
		for _, l := range part {
			if !seen[l.ID] && s.concerns(l.OrganisationID) {
				seen[l.ID] = true
				all = append(all, l)
			}
		}
	}
	slices.SortFunc(all, func(x, y logRow) int { return int(x.ID - y.ID) })
	return all
}

func (v *view) logOf(ctx context.Context, ids string, args ...any) ([]logRow, error) {
	found, err := v.idsOf(ctx, "log of changes", ids, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return collect[logRow](ctx, v, "log of changes", logSQL, found)
}
