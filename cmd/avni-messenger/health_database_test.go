package main

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
)

// While the database turns everybody away nothing is told of it as if it were so now.
func TestHealthWithoutTheDatabase(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow")
	r.awaitHealth(http.StatusOK, ", PostgreSQL keeps ")
	client := r.visitor()
	super := connect(t, db.SuperuserURL())
	if _, err := super.Exec(t.Context(), `do $$ begin execute format('alter database %I connection limit 0', current_database()); end $$;
		select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`); err != nil {
		t.Fatal(err)
	}
	then := regexp.MustCompile(`\. At \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}[^ ]* ?\w* PostgreSQL kept \d+ \w+ of WAL for it`)
	within(t, func() string {
		code, health := r.health()
		if all := fmt.Sprintf("%d %+v", code, health); code != http.StatusServiceUnavailable || !then.MatchString(all) || strings.Contains(all, "PostgreSQL keeps") {
			return all
		}
		return ""
	})
	response, err := client.Get("http://" + r.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "not known, they could not be read") {
		t.Errorf("%v, the page is %d: %s", err, response.StatusCode, body)
	}
}
