package main

import (
	"fmt"
	"io"
)

// narrator tells each step in one line, and what is left to do with the SQL for it.
type narrator struct {
	out     io.Writer
	missing int
}

func (n *narrator) did(what, text string)   { n.line("done", what, text) }
func (n *narrator) found(what, text string) { n.line("ok", what, text) }

func (n *narrator) lack(what, text string, sql ...string) {
	n.missing++
	n.line("MISSING", what, text)
	for _, statement := range sql {
		fmt.Fprintf(n.out, "         %s\n", statement)
	}
}

// warn tells what works, but not safely.
func (n *narrator) warn(what, text string) { n.line("WARNING", what, text) }

func (n *narrator) line(mark, what, text string) {
	fmt.Fprintf(n.out, "%-8s %s: %s\n", mark, what, text)
}
