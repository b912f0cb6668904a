//go:build !linux

package cdc

import "github.com/jackc/pgx/v5/pgconn"

// impatient is for Linux only: elsewhere pace.silence has to do.
func impatient(dial pgconn.DialFunc) pgconn.DialFunc { return dial }
