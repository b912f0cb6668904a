//go:build screenshots

// The pictures of the README: `make screenshots`. It needs Chromium on the PATH.

package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"avni-messenger/internal/avnitest"
)

// pictures is where the README's pictures are, and most how large one may be.
const (
	pictures = "../../docs/pictures"
	most     = 150_000
)

func TestScreenshots(t *testing.T) {
	p, story := newStory(t)
	p.start()
	telling, done := context.WithTimeout(t.Context(), 2*avnitest.Patience)
	defer done()
	p.must(story.tell(telling))
	p.eventually(avnitest.Patience, func() string { // the first look is due after 2 minutes
		execAs(t, p.db.URL(), `update messenger.receipt set next_look_at = now() where status = 'pending'`)
		return unless(p.count(`select count(*) from messenger.receipt where status <> 'delivered'`) == 0, "a message has not arrived")
	})
	allocated, stop := chromedp.NewExecAllocator(t.Context(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.NoSandbox, chromedp.DisableGPU)...)
	defer stop()
	browser, end := chromedp.NewContext(allocated)
	defer end()
	ctx, cancel := context.WithTimeout(browser, avnitest.Patience)
	defer cancel()
	run := func(name string, actions ...chromedp.Action) {
		t.Helper()
		var image []byte
		if err := chromedp.Run(ctx, append(actions, chromedp.CaptureScreenshot(&image))...); err != nil {
			t.Fatalf("%s: %v (Debian: apt-get install chromium)", name, err)
		}
		if len(image) < 5000 || len(image) > most {
			t.Errorf("the picture %s has %d bytes", name, len(image))
		}
		p.must(os.WriteFile(filepath.Join(pictures, name+".png"), image, 0o644))
	}
	p.must(os.MkdirAll(pictures, 0o755))
	link, err := pageLink(p.log.Name())
	p.must(err)
	run("overview", chromedp.EmulateViewport(1100, 760), chromedp.Navigate(link), chromedp.WaitVisible("#question"))
	run("search", chromedp.SendKeys("#question", "98123 45678"), chromedp.Submit("#question"), chromedp.WaitVisible("//h1[contains(., '5678')]"))
	run("messages", chromedp.Click("//a[contains(., 'All messages to them')]"), chromedp.WaitVisible("form.filter", chromedp.ByQuery))
}
