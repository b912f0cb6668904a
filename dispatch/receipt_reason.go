package dispatch

import (
	"strings"

	"avni-messenger/dispatch/glific"
)

// ReceiptReason is why a message that Glific had accepted did not reach its receiver: a
// closed set, used as a metric label and kept in messenger.receipt.
type ReceiptReason string

// The reasons of the receiver and of what they agreed to.
const (
	NotOnWhatsApp   ReceiptReason = "not_on_whatsapp"
	Undeliverable   ReceiptReason = "undeliverable"
	FrequencyCap    ReceiptReason = "frequency_cap"
	Experiment      ReceiptReason = "experiment"
	NotReached      ReceiptReason = "not_reached"
	StoppedMessages ReceiptReason = "stopped_messages"
	NotOptedIn      ReceiptReason = "not_opted_in"
)

// The reasons of the organisation's WhatsApp account and templates.
const (
	NoBalance           ReceiptReason = "no_balance"
	SendingLimit        ReceiptReason = "sending_limit"
	AccountRestricted   ReceiptReason = "account_restricted"
	TemplateUnavailable ReceiptReason = "template_unavailable"
	TemplateMismatch    ReceiptReason = "template_mismatch"
)

// The other reasons.
const (
	ProviderTrouble ReceiptReason = "provider_trouble"
	Stuck           ReceiptReason = "stuck"
	Gone            ReceiptReason = "gone"
	AccountChanged  ReceiptReason = "account_changed"
	OtherError      ReceiptReason = "other_error"
)

// receiptReasons holds every ReceiptReason.
var receiptReasons = map[ReceiptReason]meaning{
	NotOnWhatsApp:   {ClassReceiver, "the number is not on WhatsApp", "ask the receiver for a number that is, and enter it in Avni"},
	Undeliverable:   {ClassReceiver, "WhatsApp cannot deliver to this number: it has no WhatsApp, an old version of it, or has not accepted its terms", "ask the receiver; nothing can be done here"},
	FrequencyCap:    {ClassReceiver, "WhatsApp gives this person no more messages for now: they got many of late", "nothing within 24 hours; send fewer, or have the template approved as utility instead of marketing"},
	Experiment:      {ClassReceiver, "WhatsApp withholds such messages from this person, as an experiment of its own", "nothing; it ends by itself"},
	NotReached:      {ClassReceiver, "the phone could not be reached for so long that WhatsApp gave up", "nothing, unless it concerns many"},
	StoppedMessages: {ClassConsent, "the receiver does not want such messages: they said so to WhatsApp or to its provider", "nothing: they do not want messages"},
	NotOptedIn:      {ClassConsent, "the provider does not know that the receiver has agreed", "opt the contact in at Glific, if they agree"},

	NoBalance:           {ClassOrganisation, "the balance at the provider is used up, or WhatsApp's bill is not paid", "top up the balance; what has failed is not sent again by itself"},
	SendingLimit:        {ClassOrganisation, "WhatsApp's limit for the organisation's number is reached", "nothing before the next day; if it comes again, raise the limit or the quality rating at WhatsApp, or lower MESSENGER_MESSAGES_PER_SECOND"},
	AccountRestricted:   {ClassOrganisation, "WhatsApp has restricted, locked or not registered the organisation's account", "look at the account in WhatsApp Manager, or ask Glific's team"},
	TemplateUnavailable: {ClassConfig, "WhatsApp does not know the template, or has paused or disabled it", "look at the template's status in WhatsApp Manager and Glific, or choose another one in Avni"},
	TemplateMismatch:    {ClassConfig, "WhatsApp refuses the message: it does not fit the template that was approved", "compare the template and its parameters in Avni, Glific and WhatsApp Manager"},

	ProviderTrouble: {ClassPassing, "WhatsApp or its provider was in trouble", "nothing, unless it lasts; then ask Glific's team"},
	Stuck:           {ClassUncertain, "Glific has accepted the message, but has not handed it on for half an hour or more", "look at the message in Glific, and ask Glific's team; it is not sent again by itself"},
	Gone:            {ClassEnded, "Glific does not have the message any more", "nothing; somebody has deleted it or its contact there"},
	AccountChanged:  {ClassEnded, "nobody can be asked: Avni's Glific settings name another base URL now than when the message was sent", "look at the message in the Glific that site in messenger.receipt names; if the settings go back to it within 3 days, it is asked again"},
	OtherError:      {ClassEnded, "WhatsApp or its provider gave another reason", "see code and detail in messenger.receipt"},
}

// Class of the reason.
func (r ReceiptReason) Class() Class { return receiptReasons[r].class }

// Text says what happened, for an operator.
func (r ReceiptReason) Text() string { return receiptReasons[r].text }

// Advice says what to do about it.
func (r ReceiptReason) Advice() string { return receiptReasons[r].advice }

// Pressing is true of reasons that go on until somebody acts: the messages of others
// fail as well.
func (r ReceiptReason) Pressing() bool {
	return r.Class() == ClassOrganisation || r.Class() == ClassConfig || r == Stuck
}

// receiptCodes are the codes of errors: Gupshup's own (docs.gupshup.io, error and status
// messages), those of WhatsApp's Cloud API, and those of its older API of three digits.
// 1002 to 1012 are read as Gupshup's, as Glific does.
var receiptCodes = map[int]ReceiptReason{
	1002: NotOnWhatsApp,

	131021: Undeliverable, 131026: Undeliverable, 1026: Undeliverable,
	131049: FrequencyCap, 131056: FrequencyCap,
	130472: Experiment, 472: Experiment,
	408: NotReached, 410: NotReached,
	1012: StoppedMessages, 131050: StoppedMessages,
	1006: NotOptedIn, 1007: NotOptedIn, 1008: NotOptedIn,

	1003: NoBalance, 402: NoBalance, 131042: NoBalance,
	471: SendingLimit, 429: SendingLimit, 4001: SendingLimit, 4: SendingLimit, 80007: SendingLimit, 130429: SendingLimit, 131048: SendingLimit,
	368: AccountRestricted, 430: AccountRestricted, 432: AccountRestricted, 433: AccountRestricted, 130497: AccountRestricted,
	131005: AccountRestricted, 131031: AccountRestricted, 131045: AccountRestricted, 133010: AccountRestricted,

	1004: TemplateUnavailable, 4005: TemplateUnavailable, 132001: TemplateUnavailable, 132015: TemplateUnavailable, 132016: TemplateUnavailable,
	2001: TemplateUnavailable, 2002: TemplateUnavailable, 2003: TemplateUnavailable,
	1005: TemplateMismatch, 4003: TemplateMismatch, 131008: TemplateMismatch, 131009: TemplateMismatch,
	132000: TemplateMismatch, 132005: TemplateMismatch, 132007: TemplateMismatch, 132012: TemplateMismatch,
	2000: TemplateMismatch, 2004: TemplateMismatch, 2005: TemplateMismatch, 2006: TemplateMismatch, 2007: TemplateMismatch,

	500: ProviderTrouble, 4002: ProviderTrouble, 131000: ProviderTrouble, 131016: ProviderTrouble, 131057: ProviderTrouble,
}

// receiptTexts are for errors without a code, or with an unknown one: refusals that
// Glific got in answer to its request. The first that occurs counts.
var receiptTexts = []struct {
	text   string // in small letters
	reason ReceiptReason
}{
	{"on whatsapp", NotOnWhatsApp}, // "Number Does Not Exist(s) On WhatsApp"
	{"balance", NoBalance},
	{"opted out", StoppedMessages},
	{"not opted in", NotOptedIn},
	{"healthy ecosystem", FrequencyCap},
	{"rate limit", SendingLimit},
	{"too many requests", SendingLimit},
	{"network issues", ProviderTrouble}, // "Error sending message due to network issues or Gupshup Outage"
	{"template", TemplateMismatch},
}

// receiptReason decodes an error.
func receiptReason(r glific.Receipt) ReceiptReason {
	if reason, ok := receiptCodes[r.Code]; ok {
		return reason
	}
	text := strings.ToLower(r.Reason)
	for _, known := range receiptTexts {
		if strings.Contains(text, known.text) {
			return known.reason
		}
	}
	return OtherError
}
