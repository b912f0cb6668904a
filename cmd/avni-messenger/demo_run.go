package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// run starts the program itself, as an operator would, and plays the story on it. It
// returns as soon as the program has ended without being asked to.
func (d *demo) run(ctx context.Context, logPath string, exit bool) error {
	log, err := os.Create(logPath)
	if err != nil {
		return fmt.Errorf("create log: %w", err)
	}
	defer log.Close()
	starting, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	program, err := startSidecar(starting, log, "MESSENGER_DATABASE_URL="+d.db.URL(), "MESSENGER_MODE=full",
		"MESSENGER_MESSAGES_PER_SECOND=10", "LOG_FORMAT=text")
	if err != nil {
		return d.failed(ctx, err, logPath)
	}
	running, release := program.watched(ctx)
	defer release()
	err = d.play(running, program, logPath, exit)
	if ctx.Err() == nil && running.Err() != nil {
		return d.failed(ctx, context.Cause(running), logPath) // whatever else went wrong comes from that
	}
	return errors.Join(d.failed(ctx, err, logPath), program.stop(30*time.Second))
}

// play tells the story and, unless it shall end then, leaves everything to be looked at
// until ctx ends.
func (d *demo) play(ctx context.Context, program *sidecar, logPath string, exit bool) error {
	starting, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	if err := program.await(starting, "/health", 200); err != nil {
		return err
	}
	told := d.tell(ctx)
	if ctx.Err() != nil {
		return told
	}
	d.summary(ctx)
	if told != nil || exit {
		return told
	}
	d.line("\nStill running, to be looked at; Ctrl-C ends everything.\n")
	link, err := pageLink(logPath)
	if err != nil {
		return err
	}
	d.fact("Page", link)
	d.fact("State", "http://"+program.address+"/state")
	d.fact("Metrics", "http://"+program.address+"/metrics")
	d.fact("Prometheus", `scrape_configs: [{job_name: avni-messenger, static_configs: [{targets: ["`+program.address+`"]}]}]`)
	d.fact("Grafana", "Dashboards, New, Import: each file of deploy/grafana/dashboards; alerts: deploy/prometheus/rules.yaml")
	d.fact("Commands", "export MESSENGER_DATABASE_URL='"+d.db.URL()+"' MESSENGER_MODE=full MESSENGER_LISTEN="+program.address)
	d.fact("", "then bin/avni-messenger health, status, explain 98123 45678, check (which finds what a bare demo lacks)")
	d.fact("PostgreSQL", "psql '"+d.db.URL()+"'")
	d.fact("Glific (fake)", d.glific.URL(ashaGlific)+" (for programs)")
	d.fact("avni-messenger", fmt.Sprintf("pid %d, log in %s", program.command.Process.Pid, logPath))
	<-ctx.Done()
	return nil
}

var pageLinkForm = regexp.MustCompile(`http://[^\s"]+/login\?token=\w+`)

// pageLink is the address that opens the program's page, as it has logged it.
func pageLink(logPath string) (string, error) {
	text, err := os.ReadFile(logPath)
	if err != nil {
		return "", fmt.Errorf("read log: %w", err)
	}
	link := pageLinkForm.Find(text)
	if link == nil {
		return "", fmt.Errorf("the log %s does not name the page's address", logPath)
	}
	return string(link), nil
}

// tell plays the scenes while watching what the program does about them.
func (d *demo) tell(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watcher errgroup.Group
	watcher.Go(func() error { return d.watch(watching) })
	var played error
	for i, scene := range story {
		d.scene(i+1, scene.title)
		acting, cancel := context.WithTimeout(ctx, demoPatience)
		played = scene.play(acting, d)
		cancel()
		if played != nil {
			played = fmt.Errorf("scene %d, %s: %w", i+1, scene.title, played)
			break
		}
	}
	if played == nil {
		played = d.finish(ctx)
	}
	stop()
	return errors.Join(played, watcher.Wait())
}

// finish holds what was delivered against what the story promises.
func (d *demo) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.compare()
}

// logEnd is how many lines of the program's log are shown when the story went wrong.
const logEnd = 20

// failed tells at once what went wrong, with the end of the program's log, and returns
// the error: nil if there is none, or if it is Ctrl-C that broke the story off.
func (d *demo) failed(ctx context.Context, err error, logPath string) error {
	if err == nil || ctx.Err() != nil {
		return nil
	}
	d.heading(d.paint(red, err.Error()))
	text, readErr := os.ReadFile(logPath)
	if readErr != nil {
		return errors.Join(err, fmt.Errorf("read log: %w", readErr))
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	d.heading("The end of avni-messenger's log")
	d.line(strings.Join(lines[max(0, len(lines)-logEnd):], "\n"))
	return err
}
