package history

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"avni-messenger/dispatch"
)

// byPhone finds whom a number belongs to in Avni, and what was sent to it.
func (s *search) byPhone(ctx context.Context) error {
	s.x.Read = "a phone number"
	valid := false
	for _, o := range s.within {
		phone, err := dispatch.ParsePhone(s.text, o.Region)
		if err != nil {
			continue
		}
		valid = true
		if !slices.Contains(s.phones, string(phone)) {
			s.phones = append(s.phones, string(phone))
		}
		people, err := dispatch.PeopleWithPhone(ctx, s.tx, o.forDispatch(), phone)
		if err != nil {
			return err
		}
		s.addPeople(o.ID, people, phone)
	}
	if written, err := s.byInvalidPhone(ctx); err != nil || written && !valid {
		return err
	}
	if !valid {
		s.note("This is not a valid phone number%s. Write it with its country code, such as +919876500001, or as it is written in Avni.", s.regions())
		return nil
	}
	s.x.Phones = plus(s.phones)
	if err := s.aboutPeople(ctx); err != nil {
		return err
	}
	if err := s.aboutEntities(ctx); err != nil {
		return err
	}
	sent, err := s.requestsOf(ctx, requestsByPhoneSQL, s.phones, mostStories)
	s.add(sent)
	s.searched()
	return err
}

// byInvalidPhone finds those whose number is written like this and is not valid, and whether
// there are any.
func (s *search) byInvalidPhone(ctx context.Context) (bool, error) {
	known := len(s.x.People)
	for _, o := range s.within {
		people, err := dispatch.PeopleWithInvalidPhone(ctx, s.tx, o.forDispatch(), s.text)
		if err != nil {
			return false, err
		}
		s.addPeople(o.ID, people, "")
	}
	if len(s.x.People) == known {
		return false, nil
	}
	s.note("Among those whom no message could be sent to because their number in Avni is not valid, it was looked for one that is written like this, or ends like this.")
	if len(s.phones) > 0 { // what is about people is added for all of them
		return true, nil
	}
	s.x.Read = "a phone number that is not valid"
	if err := s.aboutPeople(ctx); err != nil {
		return true, err
	}
	return true, s.aboutEntities(ctx)
}

func plus(phones []string) []string {
	var numbers []string
	for _, phone := range phones {
		numbers = append(numbers, international(phone))
	}
	return numbers
}

// regions says in which countries a number without country code was looked for.
func (s *search) regions() string {
	var regions []string
	for _, o := range s.within {
		regions = append(regions, o.Region)
	}
	slices.Sort(regions)
	if len(regions) == 0 {
		return " for any organisation: none is served"
	}
	return " in region " + strings.Join(slices.Compact(regions), " or ") + " (the region of Avni's account)"
}

// searched notes where a number was looked for.
func (s *search) searched() {
	names := make([]string, len(s.within))
	for i, o := range s.within {
		names[i] = o.DBUser
	}
	what := "all that are served here"
	if s.only {
		what = "the one that was named"
	}
	s.note("Searched: users and subjects of %s (%s), in every PhoneNumber question and every text question marked contact_number or primary_contact; "+
		"and every message that was ever sent to the number.", strings.Join(names, ", "), what)
}

// addPeople notes people, and what to know of their number. phone is the one that was asked for.
func (s *search) addPeople(organisationID int32, people []dispatch.Person, phone dispatch.Phone) {
	for _, p := range people {
		if slices.ContainsFunc(s.x.People, func(known Person) bool { return known.Type == p.Type && known.ID == p.ID }) {
			continue
		}
		one := Person{Type: p.Type, ID: p.ID, UUID: p.UUID, Name: p.Name, Voided: p.Voided, Organisation: s.label(organisationID),
			organisationID: organisationID, Phone: international(string(p.Phone))}
		switch {
		case p.Voided:
			one.Note = "Voided in Avni: no message is sent about them."
		case p.Phone == "":
			one.Note = sentence(p.Fault) + " No message can be sent to them."
		case phone != "" && p.Phone != phone:
			one.Note = fmt.Sprintf("Messages to them go to another of their numbers (%s), which comes before this one.", p.Phone)
		}
		s.x.People = append(s.x.People, one)
	}
}

// aboutPeople adds what is for people or about them, and what hangs under them.
func (s *search) aboutPeople(ctx context.Context) error {
	var kinds []string
	var ids, subjects []int64
	for _, p := range s.x.People {
		kinds, ids = append(kinds, p.Type), append(ids, p.ID)
		if p.Type == "Subject" {
			subjects = append(subjects, p.ID)
		} else {
			s.keys = append(s.keys, entityKey{"User", p.ID})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := s.requestsOf(ctx, requestsByReceiverSQL, kinds, ids, mostStories)
	if err != nil {
		return err
	}
	s.add(found)
	if len(subjects) > 0 {
		under, err := s.under(ctx, subjects)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, under...)
	}
	return nil
}

func (s *search) servedNames() string {
	var names []string
	for _, o := range s.organisations {
		if served, ok := s.options.Served(o.ID); ok {
			names = append(names, o.DBUser+" in mode "+served.Mode)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
