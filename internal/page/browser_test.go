//go:build browser

// The page in a real browser: `make test-browser`. It needs Chromium on the PATH.

package page

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"avni-messenger/internal/avnitest"
)

// browse starts a browser that runs no script, as wide as a screen or a phone.
func browse(t *testing.T, width int64) context.Context {
	t.Helper()
	flags := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocated, stop := chromedp.NewExecAllocator(t.Context(), flags...)
	t.Cleanup(stop)
	browser, end := chromedp.NewContext(allocated)
	t.Cleanup(end)
	bounded, cancel := context.WithTimeout(browser, avnitest.Patience)
	t.Cleanup(cancel)
	err := chromedp.Run(bounded, emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(width, 900))
	if err != nil {
		t.Fatalf("start Chromium (Debian: apt-get install chromium): %v", err)
	}
	return bounded
}

// picture saves what is seen where MESSENGER_SCREENSHOTS says, for a person to look at.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	var image []byte
	if err := chromedp.Run(ctx, chromedp.FullScreenshot(&image, 100)); err != nil {
		t.Fatal(err)
	}
	if len(image) < 5000 {
		t.Errorf("the picture %s has %d bytes: the page is empty", name, len(image))
	}
	if folder := os.Getenv("MESSENGER_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// wide is true of a page that must be moved sideways to be read.
func wide(t *testing.T, ctx context.Context, width int64) bool {
	t.Helper()
	var scroll int64
	if err := chromedp.Run(ctx, chromedp.Evaluate(`document.documentElement.scrollWidth`, &scroll)); err != nil {
		t.Fatal(err)
	}
	return scroll > width
}

// uneven are the boxes of a form that do not stand in line, and the names of figures that are
// broken into lines.
func uneven(t *testing.T, ctx context.Context) (found []string) {
	t.Helper()
	const script = `(() => {
		const rows = {}, broken = []
		for (const box of document.querySelectorAll('form.filter select, form.filter input, form.filter button')) {
			const r = box.getBoundingClientRect()
			if (r.height > 0) (rows[r.bottom] ??= []).push(r.height)
		}
		for (const row in rows) if (new Set(rows[row]).size > 1) broken.push('boxes of ' + rows[row].join(' and '))
		for (const name of document.querySelectorAll('dl dt')) {
			const text = document.createRange()
			text.selectNodeContents(name)
			if (new Set([...text.getClientRects()].map(line => line.top)).size > 1) broken.push(name.innerText)
		}
		return broken
	})()`
	if err := chromedp.Run(ctx, chromedp.Evaluate(script, &found)); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestInABrowser(t *testing.T) {
	for name, width := range map[string]int64{"screen": 1280, "laptop": 1100, "phone": 390} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "correct horse")
			s.exec(`insert into messenger.hold (organisation_id, kind, since, request_id, detail, seen) values (101, 'foreign_sent', now() - interval '1 hour', 921, 'request 921 was marked Sent', 1)`)
			s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, detail) select id, 101, 'waiting', 'glific_unreachable', 'host: connection refused'
				from message_request_queue where id in (923, 924)`)
			s.exec(`update message_request_queue set scheduled_date_time = now() - interval '1 hour' where id in (923, 924)`)
			ctx := browse(t, width)
			var text string
			read := func(what string, want ...string) {
				t.Helper()
				for _, w := range want {
					if !strings.Contains(text, w) {
						t.Errorf("%s lacks %q: %s", what, w, text)
					}
				}
				if wide(t, ctx, width) {
					t.Errorf("%s is wider than the %s", what, name)
				}
				if found := uneven(t, ctx); len(found) > 0 {
					t.Errorf("on the %s, %s has %q", name, what, found)
				}
				picture(t, ctx, strings.ReplaceAll(what, " ", "-")+"-"+name)
			}
			run := func(actions ...chromedp.Action) {
				t.Helper()
				if err := chromedp.Run(ctx, append(actions, chromedp.Text("main", &text, chromedp.ByQuery))...); err != nil {
					t.Fatal(err)
				}
			}
			run(chromedp.Navigate(s.server.URL), chromedp.WaitVisible("#password"))
			read("login", "Log in")
			run(chromedp.SendKeys("#password", "correct horse"), chromedp.Submit("#password"), chromedp.WaitVisible("#question"))
			read("overview", "something needs to be looked at", "asha_gramin", "held")
			run(chromedp.SendKeys("#question", "98765 00001"), chromedp.Submit("#question"), chromedp.WaitVisible("//h1[contains(., '98765')]"))
			read("search", "Subject 1001", "+919876500001")
			var address string
			run(chromedp.Location(&address), chromedp.Click("//a[contains(., 'All messages to them')]"), chromedp.WaitVisible("form.filter", chromedp.ByQuery))
			if strings.Contains(address, "98765") {
				t.Errorf("the address has the number: %s", address)
			}
			read("messages", "Messages to Subject 1001")
			run(chromedp.Click("//a[text()='Overview']"), chromedp.WaitVisible("//button[contains(., 'Release')]"),
				chromedp.Click("//button[contains(., 'Release')]"), chromedp.WaitVisible(`[role="status"]`, chromedp.ByQuery))
			read("released", "asha_gramin is released.")
			if !slices.Equal(s.buttons.calls, []string{"release asha_gramin"}) {
				t.Errorf("the buttons did %q", s.buttons.calls)
			}
			run(chromedp.Click("//button[text()='Log out']"), chromedp.WaitVisible("#password"))
		})
	}
}
