package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readInput reads a contract of testdata as the loader would hand it to the engine.
func readInput(t testing.TB, name string) Input {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "contract_"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	body := recordOf(t, string(text))
	entity, _ := body.Get("entity")
	user, _ := body.Get("currentUser")
	groups, _ := body.Get("myUserGroups")
	entityType, _ := body.Get("entityType")
	return Input{EntityType: EntityType(entityType.(string)), Entity: entity.(*Record), User: user.(*Record), UserGroups: groups.(List)}
}

// recordOf reads a JSON object, keeping the order of its fields.
func recordOf(t testing.TB, text string) *Record {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value, err := decodeValue(decoder)
	if err != nil {
		t.Fatal(err)
	}
	return value.(*Record)
}

func decodeValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return decodeRecord(decoder)
		}
		return decodeList(decoder)
	case json.Number:
		if n, err := token.Int64(); err == nil {
			return n, nil
		}
		return token.Float64()
	}
	return token, nil
}

func decodeRecord(decoder *json.Decoder) (*Record, error) {
	record := &Record{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		value, err := decodeValue(decoder)
		if err != nil {
			return nil, err
		}
		record.Set(name.(string), value)
	}
	_, err := decoder.Token()
	return record, err
}

func decodeList(decoder *json.Decoder) (List, error) {
	list := List{}
	for decoder.More() {
		value, err := decodeValue(decoder)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := decoder.Token()
	return list, err
}
