package schema_test

import (
	"testing"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/schema"
)

func TestMain(m *testing.M) { avnitest.Main(m) }

func TestVersion(t *testing.T) {
	db := avnitest.New(t)
	newest, err := schema.Newest()
	if err != nil || newest < 7 {
		t.Fatalf("the newest migration is %d, %v", newest, err)
	}
	if applied, err := schema.Applied(t.Context(), db.Pool()); applied != newest || err != nil {
		t.Errorf("version is %d, %v, want %d", applied, err, newest)
	}
	if _, err := db.Pool().Exec(t.Context(), `drop schema messenger cascade`); err != nil {
		t.Fatal(err)
	}
	if applied, err := schema.Applied(t.Context(), db.Pool()); applied != 0 || err != nil {
		t.Errorf("version before the first migration is %d, %v", applied, err)
	}
}
