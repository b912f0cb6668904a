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
	number, err := parseTemplateID(id)
	if err != nil {
		return glific.Template{}, nil, err
	}
	template, there, err := glific.NewClient(p.Organisation.Glific, options).Template(ctx, number)
	if err != nil {
		return glific.Template{}, nil, err
	}
	var refusal *Refusal
	errors.As(templateShape{there: there, Template: template}.refuse(parameters), &refusal)
	return template, refusal, nil
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
