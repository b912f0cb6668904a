package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"avni-messenger/dispatch"
	"avni-messenger/dispatch/glific"
)

// glificLimit is how long one look at Glific may take.
const glificLimit = 20 * time.Second

func (o *organisationCheck) lookAtGlific(ctx context.Context, s *section) {
	account := o.standing.dispatch.Glific
	if account.BaseURL == "" || account.Phone == "" || account.Password == "" {
		s.Findings = append(s.Findings, skipped("Glific", "there is no usable Glific configuration"))
		return
	}
	o.client = glific.NewClient(account, glific.Options{Timeout: glificLimit / 2, RequestsPerMinute: o.cfg.RequestsPerMinute})
	s.check(ctx, "Glific's address", glificLimit, func(ctx context.Context) ([]finding, error) { return o.checkAddress(ctx, account) })
	loggedIn := false
	s.check(ctx, "Glific's API user", glificLimit, func(ctx context.Context) (found []finding, err error) {
		found, loggedIn, err = o.checkUser(ctx, account)
		return found, err
	})
	if !loggedIn {
		s.Findings = append(s.Findings, skipped("Glific's organisation and templates", "the API user cannot work"))
		return
	}
	s.check(ctx, "Glific's organisation", glificLimit, o.checkSuspension)
	for _, template := range o.templates() {
		s.check(ctx, "template "+template, glificLimit, func(ctx context.Context) ([]finding, error) { return o.checkTemplate(ctx, template) })
	}
}

// certificateMargin is how long before its end a certificate is told of.
const certificateMargin = 14 * 24 * time.Hour

// checkAddress looks the host up and, for https, at its certificate.
func (o *organisationCheck) checkAddress(ctx context.Context, account glific.Account) ([]finding, error) {
	what := "Glific's address"
	const mend = "Correct the base URL in Avni's Glific settings, or see to the network of this machine."
	u, err := url.Parse(account.BaseURL)
	if err != nil {
		return nil, errors.New("the base URL cannot be parsed") // chooseGlific has refused it
	}
	if proxy, err := o.proxy(&http.Request{URL: u}); err == nil && proxy != nil {
		return []finding{fine(what, "%s, reached through the proxy %s", account.Site(), proxy.Host)}, nil
	}
	if _, err := net.DefaultResolver.LookupHost(ctx, u.Hostname()); err != nil {
		var name *net.DNSError
		text := err.Error()
		if errors.As(err, &name) {
			text = name.Err
		}
		return []finding{failing(what, fmt.Sprintf("%s cannot be looked up: %s", u.Hostname(), text), "a host that DNS knows", mend)}, nil
	}
	if u.Scheme != "https" {
		if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() || u.Hostname() == "localhost" {
			return []finding{fine(what, "%s, on this machine", account.Site())}, nil
		}
		return []finding{warning(what, account.Site()+": password and messages are not encrypted on the way", "https", "Write https in the base URL in Avni's Glific settings.")}, nil
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: glificLimit / 2}}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), orDefault(u.Port(), "443")))
	if err != nil { // the login says the same in its own way
		return []finding{failing(what, fmt.Sprintf("%s: no TLS connection: %s", account.Host(), glific.Plainly(err)), "a TLS connection", mend)}, nil
	}
	defer conn.Close()
	return []finding{certificateFinding(what, account, conn.(*tls.Conn).ConnectionState().PeerCertificates, o.now())}, nil
}

func certificateFinding(what string, account glific.Account, chain []*x509.Certificate, now time.Time) finding {
	if len(chain) > 0 && chain[0].NotAfter.Before(now.Add(certificateMargin)) {
		return warning(what, fmt.Sprintf("the certificate of %s ends at %s", account.Host(), clock(chain[0].NotAfter)), "one that is valid for two weeks more", "Tell Glific's team, if it is still so some days later.")
	}
	return fine(what, "%s, with a valid certificate", account.Site())
}

// checkUser logs in and looks at what the API user may do. works: further questions are of use.
func (o *organisationCheck) checkUser(ctx context.Context, account glific.Account) (found []finding, works bool, err error) {
	const what = "Glific's API user"
	user, err := o.client.CurrentUser(ctx)
	if err != nil {
		failed, err := glificFinding(what, "a login that works", err)
		return failed, false, err
	}
	roles := strings.Join(user.Roles, ", ")
	if !user.MaySend() {
		found = append(found, failing(what, "its role is "+orDefault(roles, "none"), "Manager", sentence(dispatch.RoleTooLow.Advice())))
	}
	if user.Language != "" && user.Language != "en" {
		found = append(found, failing(what, fmt.Sprintf("its language is %q: Glific's errors come in that language, and their meaning cannot be told", user.Language), "English", "Set its language to English in Glific."))
	}
	if user.Restricted {
		found = append(found, failing(what, "it is restricted to the contacts of its own collections", "a user who sees every contact", "Take the restriction off the user in Glific."))
	}
	if len(found) == 0 {
		found = append(found, fine(what, "logged in at %s, role %s, language %s", account, roles, orDefault(user.Language, "not told")))
	}
	return found, true, nil
}

// glificFinding is an error of Glific's in words; any other is passed on.
func glificFinding(what, wanted string, err error) ([]finding, error) {
	var failed *glific.Error
	reason, known := dispatch.GlificReason(err)
	if !known || !errors.As(err, &failed) {
		return nil, err
	}
	return []finding{failing(what, fmt.Sprintf("%s (%s: %s)", reason.Text(), failed.Host, failed.Text), wanted, sentence(reason.Advice()))}, nil
}

func (o *organisationCheck) checkSuspension(ctx context.Context) ([]finding, error) {
	const what = "Glific's organisation"
	err := o.client.MaySend(ctx)
	if err == nil {
		return []finding{fine(what, "it may send")}, nil
	}
	found, unknown := glificFinding(what, "it may send", err)
	if reason, _ := dispatch.GlificReason(err); reason == dispatch.OrganisationSuspended && len(found) > 0 {
		found[0].Grade = gradeWarning // it ends by itself
	}
	return found, unknown
}

// templates are the templates that the rules use, each once.
func (o *organisationCheck) templates() (ids []string) {
	for _, a := range o.answer {
		if !slices.Contains(ids, a.rule.TemplateID) {
			ids = append(ids, a.rule.TemplateID)
		}
	}
	return ids
}

// checkTemplate looks at a template, and whether the rules that use it return as many
// parameters as it has.
func (o *organisationCheck) checkTemplate(ctx context.Context, name string) ([]finding, error) {
	what := "template " + name
	users := o.usersOf(name)
	of := "used by " + rulesText(users)
	id, err := dispatch.TemplateID(name)
	if err != nil {
		return []finding{failing(what, dispatch.TemplateInvalid.Text()+"; "+of, "a template of Glific's", sentence(dispatch.TemplateInvalid.Advice()))}, nil
	}
	template, there, err := o.client.Template(ctx, id)
	if err != nil {
		return glificFinding(what, "Glific tells of it", err)
	}
	var refused *dispatch.Refusal
	if errors.As(dispatch.CheckTemplate(template, there, template.NumberParameters), &refused) {
		return []finding{failing(what, fmt.Sprintf("%s (%s); %s", refused.Reason.Text(), refused.Detail, of), "approved, active, of type TEXT", sentence(refused.Reason.Advice()))}, nil
	}
	var found []finding
	for _, user := range users {
		if user.parameters >= 0 && user.parameters != template.NumberParameters {
			found = append(found, failing(what, fmt.Sprintf("it has %s, and rule %d returns %d", counted(template.NumberParameters, "parameter", "parameters"), user.rule.ID, user.parameters),
				"as many parameters as the rule returns", sentence(dispatch.ParameterCount.Advice())))
		}
	}
	if len(found) == 0 {
		found = append(found, fine(what, "approved, active, TEXT, language %s, %s; %s", orDefault(template.Language, "not told"),
			counted(template.NumberParameters, "parameter", "parameters"), of))
	}
	return found, nil
}

func (o *organisationCheck) usersOf(template string) (users []ruleAnswer) {
	for _, a := range o.answer {
		if a.rule.TemplateID == template {
			users = append(users, a)
		}
	}
	return users
}

func rulesText(users []ruleAnswer) string {
	ids := make([]string, len(users))
	for i, user := range users {
		ids[i] = strconv.FormatInt(user.rule.ID, 10)
	}
	if len(ids) == 1 {
		return "rule " + ids[0]
	}
	return "rules " + strings.Join(ids, ", ")
}
