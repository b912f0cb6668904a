package main

import (
	"log/slog"

	"github.com/spf13/cobra"
)

const runHelp = `Follows Avni's Postgres, runs the message rules and delivers the messages, until it is
stopped with SIGTERM or Ctrl-C. What is being sent then is finished first (about 20 s
at most); a second signal ends it at once, which loses nothing either.

It waits for a database that is not there or not ready yet, and says in the log and at
http://MESSENGER_LISTEN/health what it waits for. It ends by itself only if its
configuration is wrong: exit code 78, with every problem named.

Without MESSENGER_UI_PASSWORD the log also names, once, the link that opens the page for
browsers on this machine.`

func newRunCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Do the work until stopped",
		Long:  runHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			log := newLogger(cfg, c.stderr)
			log.Info("starting", "version", currentBuild().text(), slog.Any("config", cfg))
			app, err := newApp(cfg, log)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context())
		},
	}
}
