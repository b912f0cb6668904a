package dispatch

import (
	"context"
	"errors"
	"regexp"
	"strconv"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch/glific"
)

// A Preview tells what delivery would make of a message, without sending or writing
// anything. Safe for concurrent use.
type Preview struct {
	Pool         *pgxpool.Pool
	Organisation Organisation
}

// Number is the phone number that a message would go to. The error is a *Refusal if the
// receiver is voided or gone, or has no usable number. The kind is Subject or User.
func (p Preview) Number(ctx context.Context, kind string, id int64) (Phone, error) {
	to, err := loadReceiver(ctx, p.Pool, p.Organisation, receiverRef{kind: kind, id: id})
	if err != nil {
		return "", err
	}
	return to.phone(p.Organisation.Region)
}

// Template is a template as Glific has it, and why a message with so many parameters would
// be refused, nil if it would not. The error is trouble with Glific, or a *Refusal if the id
// is none.
func (p Preview) Template(ctx context.Context, id string, parameters int, options glific.Options) (glific.Template, *Refusal, error) {
	number, err := TemplateID(id)
	if err != nil {
		return glific.Template{}, nil, err
	}
	template, there, err := glific.NewClient(p.Organisation.Glific, options).Template(ctx, number)
	if err != nil {
		return glific.Template{}, nil, err
	}
	var refusal *Refusal
	errors.As(CheckTemplate(template, there, parameters), &refusal)
	return template, refusal, nil
}

// CheckParameters says why a message with these parameters would be refused whatever its
// template, or is nil. Its detail names positions, never texts.
func CheckParameters(parameters []string) error { return checkParameters(parameters) }

// CheckTemplate says why a message with so many parameters would be refused for its
// template, or is nil; there is false if Glific has no such template.
func CheckTemplate(t glific.Template, there bool, parameters int) error {
	return templateShape{there: there, Template: t}.refuse(parameters)
}

// TemplateID reads Glific's id of a template, which Avni keeps as text. Its error is a
// *Refusal.
func TemplateID(text string) (int, error) { return parseTemplateID(text) }

// GlificReason says what an error of the client means; false: it is not one of Glific's.
func GlificReason(err error) (Reason, bool) {
	f, ok := glificFailure(err)
	return f.reason, ok
}

// RefuseParameter is why a message is refused for the parameter of that number, counted
// from 1; nil if it is not.
func RefuseParameter(number int, text string) *Refusal { return checkParameter(number, text) }

// Hold is why these settings keep a message from a number, nil if they do not.
func (s Settings) Hold(number Phone) *Refusal {
	var refusal *Refusal
	errors.As(s.hold(number), &refusal)
	return refusal
}

var placeholders = regexp.MustCompile(`\{\{(\d+)\}\}`)

// Fill puts parameters into the body of a template, for {{1}}, {{2}} and so on. What has
// no parameter stays as it is.
func Fill(body string, parameters []string) string {
	return placeholders.ReplaceAllStringFunc(body, func(placeholder string) string {
		n, err := strconv.Atoi(placeholder[2 : len(placeholder)-2])
		if err != nil || n < 1 || n > len(parameters) {
			return placeholder
		}
		return parameters[n-1]
	})
}
