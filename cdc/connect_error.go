package cdc

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ConnectCause says in one line why a connection could not be made: what PostgreSQL
// answered, else what came of each address. pgx repeats it for each way that it tries,
// first with TLS and then without. It returns "" if err tells of no such failure.
func ConnectCause(err error) string {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return ""
	}
	var answer *pgconn.PgError
	if errors.As(failed, &answer) {
		return answer.Error()
	}
	var texts []string
	all := attempts(failed.Unwrap())
	for _, attempt := range all {
		text := strings.Join(strings.Fields(attempt.Error()), " ")
		var dialled *net.OpError
		if errors.As(attempt, &dialled) { // in the text the address comes thrice
			text = dialled.Error()
		}
		if slices.Contains(texts, text) || len(all) > 1 && strings.HasSuffix(text, "server refused TLS connection") {
			continue // then it was tried without
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// attempts takes apart the errors of the addresses that were tried.
func attempts(err error) []error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		joined, ok := inner.(interface{ Unwrap() []error })
		if !ok {
			continue
		}
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, attempts(one)...)
		}
		return all
	}
	return []error{err}
}

// briefError is an error whose text says why a connection failed only once.
type briefError struct {
	text string
	err  error
}

func (e *briefError) Error() string { return e.text }
func (e *briefError) Unwrap() error { return e.err }

// brief shortens the error of a connection that could not be made.
func brief(err error) error {
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) {
		return err
	}
	short := fmt.Sprintf("connect to database %s as %s: %s", failed.Config.Database, failed.Config.User, ConnectCause(failed))
	return &briefError{strings.Replace(err.Error(), failed.Error(), short, 1), err}
}

// replicationTrouble explains why there is no replication connection. The pool has logged
// in as the same role, so that a right that is missing now is the one to replicate.
func replicationTrouble(err error, role string) error {
	err = fmt.Errorf("open replication connection: %w", err)
	if !isCode(err, "42501") {
		return err
	}
	name := pgx.Identifier{role}.Sanitize()
	return misconfigured(fmt.Errorf("role %q has no REPLICATION attribute: run `alter role %s replication;` as a superuser "+
		"(Amazon RDS: `grant rds_replication to %s;` as the master user): %w", role, name, name, brief(err)))
}
