// avni-messenger runs beside Avni: it reads Avni's Postgres by logical replication,
// runs Avni's message rules and delivers the messages through Glific.
//
// This package glues the others together. Settings come from the environment
// (config.go), each subcommand has a file of its own, and the running process is
// wired in app.go and pipeline.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// console is what a command has of the world outside.
type console struct {
	environ []string // KEY=value
	stdout  io.Writer
	stderr  io.Writer
}

// commands makes the subcommands, in the order of the help text.
var commands = []func(console) *cobra.Command{
	newRunCommand, newSetupCommand, newTeardownCommand, newDetachCommand, newAttachCommand, newCatchUpCommand, newRuleCommand,
	newRequeueCommand, newCancelCommand, newReleaseCommand, newCheckCommand, newHealthCommand, newStatusCommand, newExplainCommand, newParityCommand,
	func(console) *cobra.Command { return newDemoCommand() },
}

// The exit codes.
const (
	exitOK      = 0
	exitTrouble = 1  // a command could not do what it was asked to
	exitUsage   = 2  // wrong arguments
	exitConfig  = 78 // a wrong configuration: trying again is useless. EX_CONFIG of sysexits.h; Go's own faults end with 2
)

// run executes one command line and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	root := newRootCommand(console{environ, stdout, stderr})
	root.SetArgs(longFlags(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "avni-messenger:", text)
	}
	var config *ConfigError
	var usage *usageError
	switch {
	case errors.As(err, &config):
		return exitConfig
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitTrouble
}

const rootHelp = `avni-messenger sends the WhatsApp messages of Avni's message rules.

It runs beside Avni: it follows Avni's Postgres by logical replication, runs the
message rules of each organisation in its own process, and delivers through Glific.
It calls neither avni-server nor rules-server.

  1. avni-messenger setup    prepares the database, or prints what a DBA must run
  2. avni-messenger run      does the work until it is stopped
  3. avni-messenger health   tells how the running process does

All settings come from environment variables. The database is found through
avni-server's own OPENCHS_DATABASE_HOST, _PORT, _USER, _PASSWORD and OPENCHS_DATABASE,
or through MESSENGER_DATABASE_URL. The default mode is shadow: rules are evaluated,
nothing is written to Avni's tables, nothing is sent.`

func newRootCommand(c console) *cobra.Command {
	root := &cobra.Command{
		Use:           "avni-messenger",
		Short:         "Sends the WhatsApp messages of Avni's message rules",
		Long:          rootHelp,
		Version:       currentBuild().text(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetVersionTemplate("avni-messenger {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Sprintf("%s\nRun '%s --help' for what is possible.", flagFault(err), cmd.CommandPath())}
	})
	for _, command := range commands {
		root.AddCommand(command(c))
	}
	return root
}

// flagFault says in plain words what is wrong with a flag.
func flagFault(err error) string {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) && value.GetFlag().Value.Type() == "int64" {
		return fmt.Sprintf("--%s is %q; it must be a whole number", value.GetFlag().Name, value.GetValue())
	}
	return err.Error()
}

// usageError is a command line that means nothing.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// knownCommand refuses what is no subcommand and says what might be meant.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2 // letters that may differ
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return &usageError{fmt.Sprintf("%s\nRun '%s --help' for the commands.", text, cmd.CommandPath())}
}

// noArguments refuses arguments after a subcommand that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{fmt.Sprintf("%s takes no argument, but was given %q", cmd.CommandPath(), args[0])}
}

// longFlags turns -print into --print: operators know both spellings. Flags of one
// letter stay as they are.
func longFlags(args []string) []string {
	long := make([]string, 0, len(args))
	for i, arg := range args {
		if arg == "--" {
			return append(long, args[i:]...)
		}
		if len(arg) > 2 && arg[0] == '-' && 'a' <= arg[1] && arg[1] <= 'z' {
			arg = "-" + arg
		}
		long = append(long, arg)
	}
	return long
}
