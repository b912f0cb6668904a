package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

// checker holds what the checks share.
type checker struct {
	cfg  Config
	only string // an organisation's db_user or id; "": all that are served
	now  func() time.Time
	long time.Duration // from when on somebody should know of a transaction that writes
	// proxy says through which proxy Glific is reached, nil if through none.
	proxy func(*http.Request) (*url.URL, error)
	pool  *pgxpool.Pool // nothing can be written through it, but by a transaction that asks for that

	server    server
	connected *obstacle // why there is no connection; nil if there is one
	closed    bool      // schema messenger is there, and not open to the role

	inspect       func() (cdc.Inspection, error) // once, for all that ask
	organisations *snapshot
	unread        error // why they are not known
}

// newChecker connects and reads what decides which checks there are.
func newChecker(ctx context.Context, cfg Config, only string) (*checker, error) {
	pool, err := newReadingPool(cfg, func(config *pgxpool.Config) {
		config.MaxConns = sectionsAtOnce + 1
		config.ConnConfig.ConnectTimeout = min(config.ConnConfig.ConnectTimeout, usualLimit)
		params := config.ConnConfig.RuntimeParams
		params["application_name"] = "avni-messenger check"
		params["statement_timeout"] = "15000"
		params["lock_timeout"] = "2000"
	})
	if err != nil {
		return nil, err
	}
	c := &checker{cfg: cfg, only: only, now: time.Now, long: 30 * time.Minute, proxy: http.ProxyFromEnvironment, pool: pool}
	c.inspect = sync.OnceValues(func() (cdc.Inspection, error) {
		ctx, cancel := context.WithTimeout(ctx, usualLimit)
		defer cancel()
		return cdc.Inspect(ctx, pool, cfg.names())
	})
	limited, cancel := context.WithTimeout(ctx, 2*usualLimit)
	defer cancel()
	if c.server, err = lookAtServer(limited, pool); err != nil {
		c.connected = explain(err, cfg)
		return c, nil
	}
	if err := pool.QueryRow(limited, `select exists (select from pg_namespace where nspname = $1 and not has_schema_privilege(oid, 'usage'))`, schema.Name).Scan(&c.closed); err != nil {
		c.connected = explain(err, cfg)
		return c, nil
	}
	c.readOrganisations(limited)
	return c, nil
}

// ownSchema is why what is in schema messenger cannot be looked at, or nil.
func (c *checker) ownSchema() error {
	if !c.closed {
		return nil
	}
	return &unavailable{c.server.role + " may not use schema " + schema.Name + ", see Role"}
}

// readOrganisations finds out where every organisation stands. One that was asked for is
// among them even if it is not served.
func (c *checker) readOrganisations(ctx context.Context) {
	found, err := readAvni(ctx, c.pool)
	if err != nil {
		c.unread = err
		return
	}
	g := c.cfg.guard()
	g.Overlook = true // section Double sender tells of what is held
	c.organisations = g.assemble(found)
	if c.only == "" || slices.ContainsFunc(c.organisations.standings, c.wanted) {
		return
	}
	g.Mode, g.Selection = ModeNone, Selection{named: []NamedOrganisation{{Name: c.only, Mode: ModeShadow}}}
	asked := g.assemble(found)
	for _, s := range asked.standings {
		s.Mode = ModeNone
	}
	c.organisations.standings = append(c.organisations.standings, asked.standings...)
	if len(asked.strays) > 0 {
		c.unread = &usageError{"--organisation: " + asked.strays[0].Reason}
	}
}

// wanted says whether an organisation is to be looked at.
func (c *checker) wanted(s *standing) bool {
	return c.only == "" || s.label() == c.only || strconv.Itoa(int(s.rules.ID)) == c.only
}

// standings are the organisations that are to be looked at.
func (c *checker) standings() (wanted []*standing) {
	if c.organisations == nil {
		return nil
	}
	for _, s := range c.organisations.standings {
		if c.wanted(s) {
			wanted = append(wanted, s)
		}
	}
	return wanted
}

// sections returns all sections, in the order in which they are printed.
func (c *checker) sections() ([]*section, error) {
	if wrong, ok := c.unread.(*usageError); ok {
		return nil, wrong
	}
	all := []*section{
		{Name: "PostgreSQL", look: c.lookAtPostgres},
		c.withDatabase("Role", c.lookAtRole),
		c.withDatabase("Avni's tables", c.lookAtTables),
		c.withDatabase("Publication, slot and own tables", c.lookAtStream),
		c.withDatabase("Double sender", c.lookForSenders),
		c.withDatabase("Organisations", c.lookAtOrganisations),
	}
	for _, s := range c.standings() {
		one := &organisationCheck{checker: c, standing: s}
		all = append(all, c.withDatabase(fmt.Sprintf("Organisation %s (mode %s)", s.label(), s.Mode), one.look))
	}
	all = append(all, &section{Name: "This machine", look: c.lookAtMachine})
	for _, s := range all {
		s.explain = func(err error) *obstacle { return explain(err, c.cfg) }
	}
	return all, nil
}

// withDatabase is a section that is skipped where there is no connection.
func (c *checker) withDatabase(name string, look func(context.Context, *section)) *section {
	return &section{Name: name, look: func(ctx context.Context, s *section) {
		switch {
		case c.connected != nil:
			s.Findings = append(s.Findings, skipped("all of it", "there is no connection to the database"))
		case c.server.isForeign() != nil:
			s.Findings = append(s.Findings, skipped("all of it", "this is not Avni's database"))
		default:
			look(ctx, s)
		}
	}}
}

// each makes checks of the usual length one after the other.
func (s *section) each(ctx context.Context, checks []namedCheck) {
	for _, one := range checks {
		s.check(ctx, one.what, usualLimit, one.do)
	}
}

// namedCheck is one check: what is looked at, and how.
type namedCheck struct {
	what string
	do   func(context.Context) ([]finding, error)
}
