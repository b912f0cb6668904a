package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen prints the demo. It is safe for concurrent use.
type screen struct {
	mu     sync.Mutex
	out    io.Writer
	colour bool
}

// The colours of the demo, as terminals number them.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func newScreen(out io.Writer) *screen {
	s := &screen{out: out}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		s.colour = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
	}
	return s
}

func (s *screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.out, text)
}

func (s *screen) heading(text string) { s.line("\n" + s.paint(bold, text)) }

func (s *screen) scene(number int, title string) {
	s.line("\n" + s.paint(bold, fmt.Sprintf("%d. %s", number, title)))
}

func (s *screen) fact(name, value string) { s.line(fmt.Sprintf("   %-15s %s", name, value)) }

// event is one line of the story: when, who, what.
func (s *screen) event(colour, who, what string) {
	now := s.paint(dim, time.Now().Format("15:04:05.000"))
	s.line(fmt.Sprintf("   %s  %s %s", now, s.paint(colour, fmt.Sprintf("%-8s", who)), what))
}

// message shows a WhatsApp message as it would arrive.
func (s *screen) message(phone, after, text string) {
	s.event(green, "WhatsApp", fmt.Sprintf("to +%s%s", phone, after))
	for _, row := range wrap(text, 72) {
		s.line("                           " + s.paint(green, "│ ") + row)
	}
}

// wrap breaks text at spaces into rows of at most width characters.
func wrap(text string, width int) []string {
	var rows []string
	row := ""
	for _, word := range strings.Fields(text) {
		if row != "" && len([]rune(row))+1+len([]rune(word)) > width {
			rows, row = append(rows, row), ""
		}
		row = strings.TrimSpace(row + " " + word)
	}
	return append(rows, row)
}
