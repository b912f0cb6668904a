package main

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

// visitor is a browser that has come by the link in the log.
func (r *runningApp) visitor() *http.Client {
	r.t.Helper()
	link := pageLinkForm.FindString(r.log.String())
	if link == "" || strings.Count(r.log.String(), "token=") != 1 {
		r.t.Fatalf("the log does not name the page's address once:\n%s", r.log.String())
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.Get(link)
	if err != nil {
		r.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Request.URL.Path != "/" || response.Request.URL.RawQuery != "" {
		r.t.Fatalf("the link leads to %s, %d", response.Request.URL, response.StatusCode)
	}
	return client
}

// Searches that wait for a table take nothing from what keeps messages going, or tells of it.
func TestSearchesStarveNobody(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow")
	r.awaitHealth(http.StatusOK, "streaming slot")
	if code, _ := r.get("/messages"); code != http.StatusForbidden {
		t.Errorf("without the link /messages is %d", code)
	}
	client := r.visitor()
	locker := connect(t, db.SuperuserURL())
	tx, err := locker.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table individual in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	searching, stop := context.WithCancel(t.Context())
	defer stop()
	answers := make(chan int, 40)
	for range cap(answers) {
		go func() { answers <- search(searching, client, "http://"+r.Addr().String()) }()
	}
	for range 20 { // more than may wait
		if code := <-answers; code != http.StatusServiceUnavailable {
			t.Fatalf("of too many searches one is %d", code)
		}
	}
	if n := pageSessions(t, db); n < 1 || n > 3 {
		t.Errorf("the page has %d connections", n)
	}
	for _, path := range []string{"/health", "/state", "/metrics"} {
		if code, body := r.get(path); code != http.StatusOK || strings.Contains(body, "no answer") {
			t.Errorf("%s is %d: %s", path, code, body)
		}
	}
	stop()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		if code := search(t.Context(), client, "http://"+r.Addr().String()); code != http.StatusOK {
			return "a search is " + http.StatusText(code)
		}
		return ""
	})
}

// search asks the page for a number; 0: it did not answer.
func search(ctx context.Context, client *http.Client, base string) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/search", strings.NewReader(url.Values{"question": {"98765 00001"}}.Encode()))
	if err != nil {
		return 0
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func pageSessions(t *testing.T, db *avnitest.DB) (n int) {
	t.Helper()
	conn := connect(t, db.SuperuserURL())
	rows, err := conn.Query(t.Context(), `select count(*) from pg_stat_activity where datname = current_database() and application_name = 'avni-messenger page'`)
	if err == nil {
		n, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[int])
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}
