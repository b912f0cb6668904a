package main

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is what avni-messenger does for one organisation.
type Mode string

// The modes. In every one of them changes are read and /health says where each
// organisation stands.
const (
	// ModeShadow evaluates rules and writes and sends nothing.
	ModeShadow Mode = "shadow"
	// ModeDispatch delivers what avni-server put into the queue.
	ModeDispatch Mode = "dispatch"
	// ModeFull evaluates rules, writes the queue and delivers it.
	ModeFull Mode = "full"
	// ModeNone leaves the organisation alone.
	ModeNone Mode = "none"
)

// UnmarshalText reads the name of a mode.
func (m *Mode) UnmarshalText(text []byte) error {
	mode := Mode(strings.ToLower(strings.TrimSpace(string(text))))
	if !slices.Contains([]Mode{ModeShadow, ModeDispatch, ModeFull, ModeNone}, mode) {
		return fmt.Errorf("is %q; it must be shadow, dispatch, full or none", text)
	}
	*m = mode
	return nil
}

// Selection says which organisations are served and how. The zero value serves every
// organisation that has a Glific configuration, in MESSENGER_MODE.
type Selection struct {
	nobody bool
	named  []NamedOrganisation
}

// NamedOrganisation is one entry of MESSENGER_ORGANISATIONS.
type NamedOrganisation struct {
	Name string // organisation.db_user or organisation.id
	Mode Mode
}

// UnmarshalText reads none, or name=mode entries separated by commas.
func (s *Selection) UnmarshalText(text []byte) error {
	if strings.EqualFold(strings.TrimSpace(string(text)), "none") {
		s.nobody = true
		return nil
	}
	var wrong []string
	for _, entry := range strings.Split(string(text), ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		named, err := parseNamed(entry)
		if err == nil && slices.ContainsFunc(s.named, func(n NamedOrganisation) bool { return n.Name == named.Name }) {
			err = fmt.Errorf("%q is named twice", named.Name)
		}
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		s.named = append(s.named, named)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("is not usable: %s. Write name=mode entries separated by commas, "+
			"such as asha_gramin=full,seva_nepal=shadow, or none to serve nobody", strings.Join(wrong, "; "))
	}
	return nil
}

func parseNamed(entry string) (NamedOrganisation, error) {
	name, mode, ok := strings.Cut(entry, "=")
	named := NamedOrganisation{Name: strings.TrimSpace(name)}
	if !ok || named.Name == "" {
		return named, fmt.Errorf("%q is not name=mode", strings.TrimSpace(entry))
	}
	if err := named.Mode.UnmarshalText([]byte(mode)); err != nil {
		return named, fmt.Errorf("the mode of %s %w", named.Name, err)
	}
	return named, nil
}

// Nobody reports whether no organisation at all is served.
func (s Selection) Nobody() bool { return s.nobody }

// Named returns the organisations that have a mode of their own, in the order in
// which they were written.
func (s Selection) Named() []NamedOrganisation { return s.named }

func (s Selection) String() string {
	switch {
	case s.nobody:
		return "none"
	case len(s.named) == 0:
		return "all with a Glific configuration"
	}
	entries := make([]string, len(s.named))
	for i, n := range s.named {
		entries[i] = n.Name + "=" + string(n.Mode)
	}
	return strings.Join(entries, ",")
}
