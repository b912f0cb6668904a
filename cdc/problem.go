package cdc

import "unicode"

// Problem is what keeps the stream from working, or makes it less safe than it could be,
// and what mends it.
type Problem struct {
	Text string
	Mend string // in words, with the SQL or the setting; "" where nothing needs to be done
}

// Error is all of it as one text.
func (p *Problem) Error() string {
	switch {
	case p.Mend == "":
		return p.Text
	case unicode.IsUpper([]rune(p.Mend)[0]): // a sentence of its own
		return p.Text + ". " + p.Mend
	}
	return p.Text + ": " + p.Mend
}
