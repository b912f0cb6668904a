package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// How long the demo waits for something that takes well under a second, on a machine
// that may be busy with other things.
const demoPatience = 60 * time.Second

func newDemoCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "demo",
		Short: "Show a registration become a WhatsApp message, on a throw-away Postgres and a fake Glific",
		Long: "Starts a throw-away PostgreSQL with Avni's tables and sample organisations, a fake Glific and avni-messenger, plays a small\n" +
			"story and shows each change, what the rules said and the message as it would arrive. Stays up until Ctrl-C; with\n" +
			"DEMO_EXIT=1 it ends after the story, with code 0 only if all the expected messages, and no others, were delivered.",
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return runDemo(command.Context(), command.OutOrStdout(), os.Getenv("DEMO_EXIT") == "1")
		},
	}
	return command
}

// demo is the stage: everything that the story plays on.
type demo struct {
	*screen
	db     *avnitest.DB
	avni   *avnitest.Avni
	glific *glifictest.Server
	events *events
	seen   seen
	cast   cast
}

// runDemo sets the stage, plays the story and tells how it ended. Ctrl-C ends it at any
// time, which is a failure only for a story that was to be told to its end.
func runDemo(ctx context.Context, out io.Writer, exit bool) error {
	setLocalTime(demoZone())
	d := &demo{screen: newScreen(out), events: newEvents(), seen: seen{verdicts: map[int64]bool{}}}
	err := d.perform(ctx, exit)
	if ctx.Err() == nil {
		return err
	}
	d.line("\nStopped; everything is removed.")
	if exit && err == nil {
		return errors.New("the story was interrupted")
	}
	return err
}

// demoZone is the zone that the program itself has unless it is told another.
func demoZone() (zone Timezone) {
	if cfg, err := parseConfig(nil); err == nil {
		return cfg.Timezone
	}
	return zone
}

// perform returns nil also if it was interrupted.
func (d *demo) perform(ctx context.Context, exit bool) error {
	d.heading("avni-messenger demo: everything here is thrown away at its end")
	d.line("   starting PostgreSQL with Avni's tables, a fake Glific and avni-messenger: a few seconds")
	folder, err := os.MkdirTemp("", "avni-messenger-demo-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(folder)
	cluster, err := avnitest.StartCluster(ctx, avnitest.Options{})
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer cluster.Stop()
	if err := d.prepare(ctx, cluster); err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer d.glific.Close()
	return d.run(ctx, filepath.Join(folder, "messenger.log"), exit)
}

// unlessInterrupted forgets an error that Ctrl-C has caused.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// prepare makes the database, the fake Glific and the rules of the story.
func (d *demo) prepare(ctx context.Context, cluster *avnitest.Cluster) error {
	var err error
	if d.db, err = cluster.CreateDatabase(ctx, "demo"); err != nil {
		return err
	}
	d.avni = d.db.Avni()
	d.glific, err = startSampleGlific(ctx, d.avni, glifictest.Options{OnDelivery: d.arrived})
	if err != nil {
		return err
	}
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		if err := d.avni.SetMessagingEnabled(ctx, organisation, false); err != nil { // avni-server's own is off
			return err
		}
	}
	// What waits in the sample data is not of this story.
	_, err = d.avni.Pool().Exec(ctx, `update message_request_queue set is_voided = true where id <= $1`, lastSampleRequest)
	if err != nil {
		return fmt.Errorf("void sample requests: %w", err)
	}
	return d.writeRules(ctx)
}
