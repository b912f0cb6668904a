package cdc

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wire builds messages by hand, as PostgreSQL's documentation describes them.
type wire []byte

func (w wire) byte(b byte) wire     { return append(w, b) }
func (w wire) uint16(n uint16) wire { return binary.BigEndian.AppendUint16(w, n) }
func (w wire) uint32(n uint32) wire { return binary.BigEndian.AppendUint32(w, n) }
func (w wire) uint64(n uint64) wire { return binary.BigEndian.AppendUint64(w, n) }
func (w wire) text(s string) wire   { return append(append(w, s...), 0) }
func (w wire) value(s string) wire  { return append(w.byte('t').uint32(uint32(len(s))), s...) }

func beginMessage() wire { return wire("B").uint64(0x1_0000_0010).uint64(1_000_000).uint32(7) }

func commitMessage() wire {
	return wire("C").byte(0).uint64(0x1_0000_0010).uint64(0x1_0000_0040).uint64(1_000_000)
}

func relationMessage(oid uint32, schema, table string, columns ...string) wire {
	w := wire("R").uint32(oid).text(schema).text(table).byte('d').uint16(uint16(len(columns)))
	for _, column := range columns {
		w = w.byte(0).text(column).uint32(25).uint32(0xFFFFFFFF)
	}
	return w
}

var individualColumns = []string{"uuid", "id", "observations", "subject_type_id", "organisation_id", "is_voided", "audit_id"}

// describedIndividual is a decoder that has been told of table individual, as oid 5.
func describedIndividual(t testing.TB) *decoder {
	d := newDecoder()
	if _, err := d.decode(relationMessage(5, "public", "individual", individualColumns...)); err != nil {
		t.Fatal(err)
	}
	return d
}

func individualTuple(w wire) wire {
	return w.byte('N').uint16(7).value("u-1").value("42").byte('u').value("301").value("101").value("t").byte('n')
}

func TestDecodeTransactionBounds(t *testing.T) {
	d := newDecoder()
	at := time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC)
	begin, err := d.decode(beginMessage())
	if err != nil || begin.kind != messageBegin || begin.lsn != 0x1_0000_0010 || !begin.at.Equal(at) || begin.xid != 7 {
		t.Errorf("begin %+v, %v", begin, err)
	}
	commit, err := d.decode(commitMessage())
	if err != nil || commit.kind != messageCommit || commit.lsn != 0x1_0000_0040 || !commit.at.Equal(at) {
		t.Errorf("commit %+v, %v", commit, err)
	}
}

func TestDecodeRows(t *testing.T) {
	full := Change{Table: Individual, ID: 42, OrganisationID: 101, TypeID: 301, Voided: true}
	insert, update := full, full
	insert.Op, update.Op = Insert, Update
	for name, c := range map[string]struct {
		message wire
		want    Change
	}{
		"insert": {individualTuple(wire("I").uint32(5)), insert},
		"update": {individualTuple(wire("U").uint32(5)), update},
		"update with the old key": {
			individualTuple(wire("U").uint32(5).byte('K').uint16(7).byte('n').value("41").byte('n').byte('n').byte('n').byte('n').byte('n')), update},
		"update with the old row": {
			individualTuple(wire("U").uint32(5).byte('O').uint16(2).value("u-1").value("41")), update},
		"nulls": {
			wire("I").uint32(5).byte('N').uint16(7).byte('n').value("9007199254740993").byte('n').byte('n').byte('n').byte('n').byte('n'),
			Change{Table: Individual, Op: Insert, ID: 9007199254740993}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := describedIndividual(t).decode(c.message)
			if err != nil || got.kind != messageRow || got.table == nil {
				t.Fatalf("%+v, %v", got, err)
			}
			if diff := cmp.Diff(c.want, got.change); diff != "" {
				t.Errorf("change (-want +got):\n%s", diff)
			}
		})
	}
}

// A table can be described again, with its columns elsewhere.
func TestDecodeChangedTable(t *testing.T) {
	d := describedIndividual(t)
	if _, err := d.decode(relationMessage(5, "public", "individual", "id", "is_voided", "organisation_id", "subject_type_id")); err != nil {
		t.Fatal(err)
	}
	got, err := d.decode(wire("I").uint32(5).byte('N').uint16(4).value("1").value("f").value("2").value("3"))
	want := Change{Table: Individual, Op: Insert, ID: 1, OrganisationID: 2, TypeID: 3}
	if err != nil || got.change != want {
		t.Errorf("%+v, %v", got.change, err)
	}
}

func TestDecodeWhatIsNotOurs(t *testing.T) {
	d := newDecoder()
	messages := []wire{
		relationMessage(6, "public", "gender", "id"),
		relationMessage(7, "etl", "individual", "id"),
		wire("I").uint32(6).byte('N').uint16(1).value("1"),
		wire("U").uint32(7).byte('N').uint16(1).value("1"),
		wire("D").uint32(6).byte('K').uint16(1).value("1"),
		wire("T").uint32(1).byte(0).uint32(6),
		wire("Y").uint32(16385).text("public").text("mood"),
		wire("O").uint64(1).text("elsewhere"),
	}
	for _, m := range messages {
		if got, err := d.decode(m); err != nil || got.table != nil || got.kind == messageBegin || got.kind == messageCommit {
			t.Errorf("%q: %+v, %v", m, got, err)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	for name, c := range map[string]struct {
		message wire
		says    string
	}{
		"nothing":                {nil, "unknown message type"},
		"unknown type":           {wire("S").uint32(1), "unknown message type"},
		"table not described":    {individualTuple(wire("I").uint32(99)), "oid 99 that was not described"},
		"column not published":   {relationMessage(5, "public", "individual", "id", "organisation_id", "is_voided"), "column subject_type_id of table individual is not in the stream"},
		"no columns":             {relationMessage(5, "public", "individual"), "column id of table individual is not in the stream"},
		"too few columns":        {wire("I").uint32(5).byte('N').uint16(3).value("u").value("1").byte('n'), "has 3 columns, at least 6"},
		"id is null":             {wire("I").uint32(5).byte('N').uint16(7).byte('n').byte('n').byte('n').byte('n').byte('n').byte('n').byte('n'), "column kind 'n'"},
		"wanted column unsent":   {wire("U").uint32(5).byte('N').uint16(7).byte('n').value("1").byte('n').byte('u').byte('n').byte('n').byte('n'), "column kind 'u'"},
		"binary":                 {wire("I").uint32(5).byte('N').uint16(7).byte('n').byte('b').uint32(1).byte(1).byte('n').byte('n').byte('n').byte('n').byte('n'), "column kind 'b'"},
		"not a number":           {wire("I").uint32(5).byte('N').uint16(7).byte('n').value("x").byte('n').byte('n').byte('n').byte('n').byte('n'), "read a number"},
		"too large a number":     {wire("I").uint32(5).byte('N').uint16(7).byte('n').value("1").byte('n').value("4294967296").byte('n').byte('n').byte('n'), "row 1 of table individual: read a number"},
		"old row without a new":  {wire("U").uint32(5).byte('K').uint16(1).value("1").byte('K'), "not as a new row"},
		"endless value":          {wire("I").uint32(5).byte('N').uint16(7).byte('t').uint32(0xFFFFFFFF), "cut short"},
		"endless old row":        {wire("U").uint32(5).byte('O').uint16(0xFFFF), "cut short"},
		"endless columns":        {wire("R").uint32(5).text("public").text("individual").byte('d').uint16(0xFFFF), "cut short"},
		"names without end":      {wire("R").uint32(5).byte('p').byte('u'), "cut short"},
		"unknown kind of column": {wire("I").uint32(5).byte('N').uint16(7).byte('n').byte('z').byte('n').byte('n').byte('n').byte('n').byte('n'), "column kind 'z'"},
	} {
		t.Run(name, func(t *testing.T) {
			if m, err := describedIndividual(t).decode(c.message); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v, %v; want an error with %q", m, err, c.says)
			}
		})
	}
}

// Whatever is cut off before the last byte that is read gives an error.
func TestDecodeTruncated(t *testing.T) {
	row := individualTuple(wire("U").uint32(5).byte('K').uint16(1).value("41"))
	whole := map[string]wire{
		"begin": beginMessage(), "commit": commitMessage(),
		"relation": relationMessage(9, "public", "users", "id", "organisation_id", "is_voided"),
		"row":      row[:len(row)-1], // the last column is not looked at
	}
	for name, message := range whole {
		if _, err := describedIndividual(t).decode(message); err != nil {
			t.Errorf("whole %s: %v", name, err)
		}
		for n := range message {
			if _, err := describedIndividual(t).decode(message[:n]); err == nil {
				t.Errorf("%s cut to %d of %d bytes gives no error", name, n, len(message))
			}
		}
	}
}
