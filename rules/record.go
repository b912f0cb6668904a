package rules

// A Record is one object of the contract that a rule sees: ordered fields, as
// avni-server's JSON has them. Values are nil, bool, int64, float64, string,
// *Record, List, Lazy or Late; nothing is handed to JavaScript before a rule touches it.
//
// A Record is built by one goroutine and read-only afterwards.
type Record struct {
	names  []string
	values []any
}

// List is an array of contract values.
type List []any

// Lazy is a contract value that is made when a rule first touches it. It is called
// at most once for each evaluation that touches it, and must be safe for that.
type Lazy func() (any, error)

// Late is a contract value that may have to be read from the database when a rule first
// touches it. An error that is no *Failure ends the evaluation, and is not the rule's fault.
type Late func(reader) (any, error)

// Set appends a field, or replaces it if the name is taken.
func (r *Record) Set(name string, value any) {
	if i := r.index(name); i >= 0 {
		r.values[i] = value
		return
	}
	r.names = append(r.names, name)
	r.values = append(r.values, value)
}

// Get returns the value of a field and whether it is there.
func (r *Record) Get(name string) (any, bool) {
	if i := r.index(name); i >= 0 {
		return r.values[i], true
	}
	return nil, false
}

// Names returns the field names in order. The caller must not change the slice.
func (r *Record) Names() []string { return r.names }

// index returns the position of a field, or -1. Records have few fields.
func (r *Record) index(name string) int {
	for i, n := range r.names {
		if n == name {
			return i
		}
	}
	return -1
}

// has says whether a field is there and not nil.
func (r *Record) has(name string) bool {
	value, _ := r.Get(name)
	record, isRecord := value.(*Record)
	return value != nil && (!isRecord || record != nil)
}
