package glific

import (
	"context"
	"slices"
)

// User is the API user as which the client is logged in.
type User struct {
	Roles      []string // Glific's words: Admin, Manager, Staff, No access, Glific_admin
	Language   string   // of its error texts, such as en or hi; "" if Glific does not say
	Restricted bool     // it sees only contacts of its own collections
}

// MaySend says whether its role is enough for all that the client does.
func (u User) MaySend() bool {
	return slices.ContainsFunc(u.Roles, func(role string) bool { return slices.Contains([]string{"Manager", "Admin", "Glific_admin"}, role) })
}

// CurrentUser asks Glific as whom the client is logged in.
func (c *Client) CurrentUser(ctx context.Context) (u User, err error) {
	defer func() { c.metrics.count(OpCurrentUser, err) }()
	r, err := c.call(ctx, currentUser, nil)
	if err != nil {
		return User{}, err
	}
	var payload struct {
		User *struct {
			Roles      []string `json:"roles"`
			Restricted bool     `json:"isRestricted"`
			Language   struct {
				Locale string `json:"locale"`
			} `json:"language"`
		} `json:"user"`
		Errors inputErrors `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return User{}, err
	}
	if payload.User == nil {
		return User{}, c.failure(r, payload.Errors)
	}
	return User{payload.User.Roles, payload.User.Language.Locale, payload.User.Restricted}, nil
}

// Plainly says what the network did, as the errors of calls do: in words that are the same
// each time, without addresses.
func Plainly(err error) string { return plainly(err, "timeout: no connection in time") }
