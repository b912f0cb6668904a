package glific

import (
	"context"
	"time"
)

// MaySend asks whether the organisation may send at the moment. While it is suspended, for
// want of balance or because WhatsApp's limit is reached, the error is OrganisationSuspended
// and says until when; Glific itself lifts the suspension within an hour after that.
//
// A send to a contact is refused then, but one to a group is accepted, and passed on to
// nobody.
func (c *Client) MaySend(ctx context.Context) (err error) {
	defer func() { c.metrics.count(OpOrganization, err) }()
	r, err := c.call(ctx, organization, nil)
	if err != nil {
		return err
	}
	var payload struct {
		Organization *struct {
			IsSuspended    bool    `json:"isSuspended"`
			SuspendedUntil instant `json:"suspendedUntil"`
		} `json:"organization"`
		Errors inputErrors `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return err
	}
	switch o := payload.Organization; {
	case o == nil:
		return c.failure(r, payload.Errors)
	case !o.IsSuspended:
		return nil
	case time.Time(o.SuspendedUntil).IsZero():
		return c.fail(OpOrganization, OrganisationSuspended, "sending is suspended", nil)
	default:
		return c.fail(OpOrganization, OrganisationSuspended, "sending is suspended until "+time.Time(o.SuspendedUntil).Local().Format("2006-01-02 15:04:05 MST"), nil)
	}
}
