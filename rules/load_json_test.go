package rules

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// plain makes of a contract value what encoding/json would make of its JSON.
func plain(t testing.TB, value any) any {
	t.Helper()
	switch v := value.(type) {
	case *Record:
		object := map[string]any{}
		for _, name := range v.Names() {
			field, _ := v.Get(name)
			object[name] = plain(t, field)
		}
		return object
	case List:
		list := make([]any, 0, len(v))
		for _, one := range v {
			list = append(list, plain(t, one))
		}
		return list
	case Lazy, Late:
		return plain(t, made(t, v))
	case int32:
		return float64(v)
	case int64:
		return float64(v)
	case nil, bool, string, float64:
		return v
	}
	t.Fatalf("%T cannot be a contract value", value)
	return nil
}

func TestParseJSONIsWhatEncodingJSONReads(t *testing.T) {
	for _, text := range []string{
		`null`, `true`, ` false `, `0`, `-12`, `52.5`, `1.50`, `1e3`, `-2.5E-3`, `9007199254740991`, `9007199254740993`,
		`123456789012345678901234567890`, `""`, `"a\"b\\c\n\u0939\ud83d\ude00"`, `"सुरभि"`, `[]`, `{}`, `[1, [2, {"a": []}], "x"]`,
		`{"b": 1, "a": {"c": null, "d\"e": "f"}}`,
	} {
		got, err := parseJSON([]byte(text))
		if err != nil {
			t.Errorf("parseJSON(%s): %v", text, err)
			continue
		}
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, plain(t, got)); diff != "" {
			t.Errorf("parseJSON(%s): %s", text, diff)
		}
	}
}

func TestParseJSONNumbers(t *testing.T) {
	for text, want := range map[string]any{
		"7": int64(7), "-7": int64(-7), "7.0": 7.0, "9007199254740991": int64(maxSafeInteger),
		"9007199254740993": 9007199254740992.0, "1e999": math.Inf(1),
	} {
		got, err := parseJSON([]byte(text))
		if err != nil || got != want {
			t.Errorf("parseJSON(%s) = %v (%T), %v; want %v (%T)", text, got, got, err, want, want)
		}
	}
}

func TestParseJSONKeepsOrder(t *testing.T) {
	got, err := parseJSON([]byte(`{"z": 1, "a": 2, "m": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"z", "a", "m"}, got.(*Record).Names()); diff != "" {
		t.Error(diff)
	}
}

func TestParseJSONRefusesBrokenText(t *testing.T) {
	deep := make([]byte, 300)
	for i := range deep {
		deep[i] = '['
	}
	for _, text := range []string{`{`, `[1`, `"a`, `"a\`, `{"a"}`, `{"a":}`, `{a:1}`, `[1 2]`, `nul`, `-`, `x`, string(deep)} {
		if got, err := parseJSON([]byte(text)); !errors.Is(err, errJSON) {
			t.Errorf("parseJSON(%s) = %v, %v", text, got, err)
		}
	}
}

func TestEachKeyFindsKeysAtEveryDepth(t *testing.T) {
	var got []string
	eachKey([]byte(`{"a": "not: a key", "b" : {"c": ["d", {"e\"f": 1}]}, "g": "\\"}`), func(key []byte) {
		got = append(got, string(key))
	})
	if diff := cmp.Diff([]string{"a", "b", "c", `e\"f`, "g"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestObservationsThatCannotBeRead are the fault of the data: a retry would not help.
func TestObservationsThatCannotBeRead(t *testing.T) {
	deep := `{"a": ` + strings.Repeat("[", maxJSONDepth+1) + strings.Repeat("]", maxJSONDepth+1) + `}`
	_, err := (&reference{}).observations([]byte(deep))
	failureOf(t, err, FailedLoad)
}
