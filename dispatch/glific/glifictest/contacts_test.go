package glifictest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestContactsIsASubstringSearchOfAtMostFifty(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	for i := range 60 {
		f.asha.AddContact(glifictest.Contact{Phone: fmt.Sprintf("91%03d", i), Name: fmt.Sprintf("Name %d", i)})
	}
	f.asha.AddContact(glifictest.Contact{Phone: "91059x", Name: "aaa", Status: "BLOCKED"})
	count := func(arguments string) int {
		return strings.Count(f.query(`{ contacts`+arguments+` { id } }`, ""), `"id"`)
	}
	got := []int{count(``), count(`(opts: {limit: 500})`), count(`(filter: {phone: "059"})`), count(`(filter: {phone: "059", status: BLOCKED})`), count(`(opts: {limit: 50, offset: 50})`)}
	if d := cmp.Diff([]int{25, 50, 1, 1, 10}, got); d != "" {
		t.Error(d)
	}
	f.want(f.query(`{ contacts(opts: {orderWith: "id", order: DESC, limit: 1}) { id } }`, ""), `{"data":{"contacts":[{"id":"60"}]}}`)
	f.want(f.query(`{ contacts(opts: {limit: 1}, filter: {name: "NAME"}) { name phone } }`, ""), `{"data":{"contacts":[{"name":"Name 0","phone":"91000"}]}}`)
}

func TestOptin(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	now := time.Unix(0, f.now.Load())
	early := now.Add(-time.Hour)
	f.asha.AddContact(glifictest.Contact{Phone: "1", Name: "left", Status: "INVALID", OptoutTime: early})
	f.asha.AddContact(glifictest.Contact{Phone: "2", Name: "in", BSPStatus: "SESSION", OptinTime: early})
	f.asha.AddContact(glifictest.Contact{Phone: "3", Name: "blocked", Status: "BLOCKED"})
	for _, phone := range []string{"1", "2", "3", "test phone"} {
		body := f.query(`mutation($p: String!) { optinContact(phone: $p, name: "new") { contact { id } } }`, `{"p":"`+phone+`"}`)
		if strings.Contains(body, "errors") {
			t.Errorf("opt in %s: %s", phone, body)
		}
	}
	want := []glifictest.Contact{
		{ID: "1", Phone: "1", Name: "new", Status: "VALID", BSPStatus: "HSM", OptinTime: now},
		{ID: "2", Phone: "2", Name: "in", Status: "VALID", BSPStatus: "SESSION_AND_HSM", OptinTime: now},
		{ID: "3", Phone: "3", Name: "blocked", Status: "BLOCKED", BSPStatus: "NONE"},
		{ID: "4", Phone: "test phone", Name: "new", Status: "VALID", BSPStatus: "HSM", OptinTime: now},
	}
	if d := cmp.Diff(want, f.asha.Contacts()); d != "" {
		t.Error(d)
	}
	f.asha.RaceNextOptin()
	f.want(f.query(`mutation { optinContact(phone: "5") { contact { id } errors { key message } } }`, ""),
		`{"data":{"optinContact":{"contact":null,"errors":[{"key":"phone","message":"Phone: has already been taken"}]}}}`)
	if _, ok := f.asha.Contact("5"); !ok {
		t.Error("nobody else created the contact")
	}
	f.want(f.query(`mutation { optinContact(phone: "6", name: "Sita") { contact { name } } }`, ""), `{"data":{"optinContact":{"contact":{"name":"Sita"}}}}`)
}
