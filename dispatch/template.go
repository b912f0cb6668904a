package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"avni-messenger/dispatch/glific"
)

// templateBook keeps what one Glific account says of its templates. It is safe for
// concurrent use.
type templateBook struct {
	ask     func(ctx context.Context, id int) (glific.Template, bool, error)
	ttl     time.Duration
	now     func() time.Time
	changed func(id int, was, is templateShape)
	looking singleflight.Group

	mu     sync.Mutex
	shapes map[int]templateShape
}

// templateShape is what a message must fit.
type templateShape struct {
	there bool
	glific.Template
	since time.Time // when it was first seen to be so
	until time.Time // when it is looked up again
}

// find is a template as it was within the last ttl. Those who want the same one at the
// same time share one look.
func (b *templateBook) find(ctx context.Context, id int) (templateShape, error) {
	if shape, known := b.known(id); known && b.now().Before(shape.until) {
		return shape, nil
	}
	found, err, _ := b.looking.Do(fmt.Sprint(id), func() (any, error) { return b.look(ctx, id) })
	if err != nil {
		return templateShape{}, err
	}
	return found.(templateShape), nil
}

func (b *templateBook) known(id int) (shape templateShape, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shape, known = b.shapes[id]
	return shape, known
}

func (b *templateBook) look(ctx context.Context, id int) (templateShape, error) {
	template, there, err := b.ask(ctx, id)
	if err != nil {
		return templateShape{}, err
	}
	is := templateShape{there, template, b.now(), b.now().Add(b.ttl)}
	b.mu.Lock()
	was, known := b.shapes[id]
	if b.shapes == nil {
		b.shapes = make(map[int]templateShape)
	}
	if known && was.String() == is.String() {
		is.since = was.since
	}
	b.shapes[id] = is
	b.mu.Unlock()
	if known && was.String() != is.String() {
		b.changed(id, was, is)
	}
	return is, nil
}

// expire has a template looked up the next time that it is wanted: a send has shown that
// it is not as it was.
func (b *templateBook) expire(id int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if shape, known := b.shapes[id]; known {
		shape.until = time.Time{}
		b.shapes[id] = shape
	}
}

// String says what matters of a template, for logs and operators.
func (s templateShape) String() string {
	switch {
	case !s.there:
		return "not there"
	case !s.Active:
		return "switched off"
	}
	return fmt.Sprintf("%s, %s, parameters: %d", s.Status, s.Type, s.NumberParameters)
}

// refuse is why a message does not fit the template, nil if it does. Glific itself does
// not look at whether the template is approved and active: such a message would fail
// after it was accepted.
func (s templateShape) refuse(parameters int) error {
	switch {
	case !s.there:
		return refuse(TemplateNotFound, "Glific has no template with this id")
	case !s.Active || s.Status != "" && !strings.EqualFold(s.Status, "APPROVED"):
		return refuse(TemplateNotApproved, "the template is %s", s)
	case s.Type != "" && !strings.EqualFold(s.Type, "TEXT"):
		return refuse(MediaTemplate, "the template's type is %s", s.Type)
	case s.NumberParameters != parameters:
		return refuse(ParameterCount, "%d parameters; the template has %d", parameters, s.NumberParameters)
	}
	return nil
}

// checkTemplate refuses a message that does not fit its template.
func (w *worker) checkTemplate(ctx context.Context, m message) error {
	shape, err := w.templates.find(ctx, m.templateID)
	if err != nil {
		return err
	}
	return shape.refuse(len(m.parameters))
}

func (w *worker) askTemplate(ctx context.Context, id int) (glific.Template, bool, error) {
	template, there, err := w.client.Template(ctx, id)
	if err == nil {
		w.answered(false)
	}
	return template, there, err
}

// templateChanged tells of a template that is not as it was.
func (w *worker) templateChanged(id int, was, is templateShape) {
	fix := "nothing, if its rules and messages were changed as well; else correct them, and what was refused meanwhile goes out"
	if !is.there {
		fix = "choose another template for the rules that use it; until then their messages are refused"
	}
	w.log.Warn("a template of Glific's has changed", "template", id, "was", was.String(), "is", is.String(), "fix", fix)
}
