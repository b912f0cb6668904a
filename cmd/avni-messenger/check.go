package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

const checkHelp = `Looks at everything that avni-messenger depends on, and says of each thing that is not as
it should be what was found, what is wanted, and how to mend it: PostgreSQL and the role,
Avni's tables, publication and slot, a second sender, and for each organisation its
settings, its message rules (each is run on the newest entity that it is about) and its
Glific.

It changes nothing and sends nothing. It works before the first run and beside a running
process; give it the environment of that. Names, phone numbers and texts of messages are
not shown.

The exit code is 0 if all is well (also with warnings), 1 if something must be mended, and
78 if the configuration itself is wrong.`

func newCheckCommand(c console) *cobra.Command {
	var asJSON bool
	var organisation string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Look at everything that is needed, and say how to mend what is wrong",
		Long:  checkHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return runCheck(cmd.Context(), cfg, organisation, checkWriter(c.stdout, asJSON))
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&organisation, "organisation", "", "only this organisation (db_user or id), besides what concerns all")
	return cmd
}

// checkWriter returns what prints a report, section by section as they come.
func checkWriter(out io.Writer, asJSON bool) func(report, bool) error {
	if !asJSON {
		return newCheckTable(out).print
	}
	return func(r report, complete bool) error {
		if !complete {
			return nil
		}
		return printJSON(out, r)
	}
}

// sectionsAtOnce bounds how many sections are looked at side by side: each organisation is
// one, and Glific may take its time to answer.
const sectionsAtOnce = 4

// runCheck looks at everything and hands over the report each time that its next section
// is done. The error says that something must be mended.
func runCheck(ctx context.Context, cfg Config, organisation string, write func(r report, complete bool) error) error {
	setLocalTime(cfg.Timezone)
	c, err := newChecker(ctx, cfg, organisation)
	if err != nil {
		return err
	}
	defer c.pool.Close()
	sections, err := c.sections()
	if err != nil {
		return err
	}
	r := report{Version: currentBuild().text(), Database: cfg.Database.Redacted()}
	room := make(chan struct{}, sectionsAtOnce)
	var running sync.WaitGroup
	defer running.Wait()
	for _, s := range sections {
		s.done = make(chan struct{})
		running.Go(func() {
			defer close(s.done)
			room <- struct{}{}
			defer func() { <-room }()
			s.look(ctx, s)
		})
	}
	for i, s := range sections {
		<-s.done
		if ctx.Err() != nil {
			return fmt.Errorf("check was stopped: %w", context.Cause(ctx))
		}
		r.add(s)
		if err := write(r, i == len(sections)-1); err != nil {
			return fmt.Errorf("print the report: %w", err)
		}
	}
	if r.Failing > 0 {
		return fmt.Errorf("%s, see above", counted(r.Failing, "thing must be mended", "things must be mended"))
	}
	return nil
}

// usualLimit is how long one check may take.
const usualLimit = 10 * time.Second
