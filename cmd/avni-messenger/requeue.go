package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

const requeueHelp = `Lets requests be tried again at once: those that wait after a failure, were held, were
refused, or have expired. Each is named by message_request_queue.id, as the log and
messenger.delivery name it. What Glific has accepted is never sent again.

It also takes a cancel back: the request goes out when it is due, as its rule wanted it
when it was cancelled, and follows its rule again from the next change on. If Glific may
have accepted it before it was cancelled, Glific is asked first.

It can be run at any time, beside the running avni-messenger, which sees it by itself.
Give it the same environment as that one.

  avni-messenger requeue 925 931
  avni-messenger requeue 925 --due-now          was due too long ago, or is due later
  avni-messenger requeue 925 --not-at-glific    its send had no answer, and you have
                                                looked: the contact in Glific has it not`

const cancelHelp = `Withdraws requests that are not sent, for good: saving the entity, editing its rule or
un-voiding something does not bring them back, nor make new ones of the same rule for
the same entity. Only avni-messenger requeue does. Each is named by
message_request_queue.id, as the log and messenger.delivery name it.

If Avni has several requests of the same rule for the same entity, of which one would be
sent, they are cancelled together. A request whose last send had no answer may be at
Glific already: Glific is asked, and if it has the message, the request counts as sent.

It can be run at any time, beside the running avni-messenger, which sees it by itself.
Give it the same environment as that one.

With --rule it drops what is held because the rule made too many messages at once, all of
it or that of one source transaction, as avni-messenger release lists it. Only
avni-messenger release --cancelled takes that back.

  avni-messenger cancel 925 931
  avni-messenger cancel --rule 607 --transaction 0/1A2B3C`

func newRequeueCommand(c console) *cobra.Command {
	var o dispatch.RequeueOptions
	cmd := &cobra.Command{
		Use:   "requeue REQUEST…",
		Short: "Let requests be tried again at once",
		Long:  requeueHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			return changeRequests(cmd.Context(), c, args, requeuedText(o), func(ctx context.Context, h dispatch.ByHand, id int64) (dispatch.Standing, error) {
				return h.Requeue(ctx, id, o)
			})
		},
	}
	cmd.Flags().BoolVar(&o.DueNow, "due-now", false, "make them due now, whenever they were due before")
	cmd.Flags().BoolVar(&o.NotAtGlific, "not-at-glific", false, "send again what may have been accepted, without asking Glific")
	return cmd
}

func newCancelCommand(c console) *cobra.Command {
	var held heldFlags
	cmd := &cobra.Command{
		Use:   "cancel REQUEST… | --rule ID",
		Short: "Withdraw requests that are not sent, for good",
		Long:  cancelHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			if held.given() {
				return held.run(cmd, c, args, rules.CancelHeld, "cancelled: they stay so, unless they are released with --cancelled")
			}
			return changeRequests(cmd.Context(), c, args, cancelledText, func(ctx context.Context, h dispatch.ByHand, id int64) (dispatch.Standing, error) {
				return h.Cancel(ctx, id)
			})
		},
	}
	held.add(cmd)
	return cmd
}

// errNotAll ends a command with exit code 1 after it has said what could not be done.
var errNotAll = errors.New("")

// changeRequests changes the requests that a command line names, one by one, and says of
// each how it stood and what comes of it.
func changeRequests(ctx context.Context, c console, args []string, done func(dispatch.Standing) string, change func(context.Context, dispatch.ByHand, int64) (dispatch.Standing, error)) error {
	ids, err := requestIDs(args)
	if err != nil {
		return err
	}
	return withPool(ctx, c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
		cfg.Dispatch = true // also what is not sent because MESSENGER_DISPATCH is off can be changed
		directory := newDirectory(pool, cfg, slog.New(slog.DiscardHandler))
		directory.guard.Overlook = true
		if _, err := directory.Load(ctx); err != nil {
			return err
		}
		hand := dispatch.ByHand{Pool: pool, Organisations: directory.Delivering(), Window: cfg.window()}
		all := true
		for _, id := range ids {
			stood, err := change(ctx, hand, id)
			var no *dispatch.NotPossible
			switch {
			case err == nil:
				fmt.Fprintf(c.stdout, "request %d %s\n", id, done(stood))
			case errors.As(err, &no):
				all = false
				fmt.Fprintf(c.stdout, "request %d is left alone: %s\n", id, no.Why)
			default:
				return err
			}
		}
		if !all {
			return errNotAll
		}
		return nil
	})
}

func requestIDs(args []string) ([]int64, error) {
	if len(args) == 0 {
		return nil, &usageError{"no request is named: give message_request_queue.id of one or more, as the log and messenger.delivery name them"}
	}
	var ids []int64
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 32) // the column is of type int4
		if err != nil {
			return nil, &usageError{fmt.Sprintf("%q is no request: it must be a number, message_request_queue.id", arg)}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func requeuedText(o dispatch.RequeueOptions) func(dispatch.Standing) string {
	return func(s dispatch.Standing) string {
		what := "is tried again"
		if s.ScheduledAt.After(time.Now()) && !o.DueNow {
			what = "goes out when it is due, at " + s.ScheduledAt.Local().Format(time.DateTime)
		}
		return what + "; it was " + standingText(s)
	}
}

func cancelledText(s dispatch.Standing) string {
	text := "is cancelled; it was " + standingText(s)
	if s.MaybeSent {
		text += "; Glific may have accepted it already and is asked; if it has not, it is not sent"
	}
	for _, twin := range s.Twins {
		text += fmt.Sprintf("; with it request %d, of the same rule for the same entity", twin)
	}
	return text
}

func standingText(s dispatch.Standing) string {
	text := s.State
	if text == "" {
		text = "not tried yet"
	}
	if s.Reason != "" {
		text += " (" + s.Reason.Text() + ")"
	}
	return text
}
