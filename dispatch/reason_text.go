package dispatch

// meaning is what an operator needs to know of a reason.
type meaning struct {
	class  Class
	text   string
	advice string
}

// reasons holds every Reason.
var reasons = map[Reason]meaning{
	GlificError:    {ClassPassing, "Glific answered with an error, or not at all, before anything was sent", "nothing; if it lasts, look at Glific"},
	GlificRequest:  {ClassPassing, "Glific does not understand the request", "check that the base URL in Avni's Glific settings is the API's, such as https://api.<name>.glific.com; Glific may have changed its API"},
	GlificSession:  {ClassPassing, "Glific does not accept a session that it has just given", "nothing; it happens while Glific restarts"},
	ContactChanged: {ClassPassing, "the contact was deleted or made anew at Glific; it is looked up again", "nothing"},
	Internal:       {ClassPassing, "the message could not be prepared", "nothing, if it passes: it is tried again by itself; else see err in the log and detail in messenger.attempt: the database or the rules engine is in trouble"},

	Unreachable:           {ClassOrganisation, "Glific cannot be reached, cuts the connection, or does not let anybody log in", "check the base URL in Avni's Glific settings, and the network"},
	RateLimited:           {ClassOrganisation, "Glific takes no more requests in this minute, or we would send it too many", "nothing; if it lasts, something else uses the same API user, or lower MESSENGER_REQUESTS_PER_MINUTE"},
	WrongPassword:         {ClassOrganisation, "Glific does not accept the phone and password", "correct them in Avni's Glific settings"},
	AccountSuspended:      {ClassOrganisation, "Glific has suspended or paused the organisation's account", "ask Glific's team"},
	UnknownOrganisation:   {ClassOrganisation, "Glific knows no active organisation at this base URL", "correct the base URL in Avni's Glific settings"},
	RoleTooLow:            {ClassOrganisation, "the API user may not do this", "give it the role Manager in Glific"},
	OrganisationSuspended: {ClassOrganisation, "Glific has suspended sending: no balance, or WhatsApp's limit is reached", "check the balance in Glific; the limit ends by the next day"},
	GupshupSettings:       {ClassOrganisation, "Glific cannot send at all: its Gupshup settings are missing or inactive", "correct them in Glific's settings"},

	RuleFailed:       {ClassAuthor, "the message rule failed", "correct the rule; rule_failure_log and detail in messenger.delivery say how it failed"},
	BadParameter:     {ClassAuthor, "a parameter of the message is empty or not a text for people", "correct the rule or the message"},
	ParameterExpands: {ClassAuthor, "a parameter contains @contact., @global. or @calendar., which Glific would replace", "remove it from the rule, the message or the data it takes"},
	ParameterCount:   {ClassAuthor, "the number of parameters is not the template's", "correct the rule or the message"},
	MessageTooLong:   {ClassAuthor, "the message is longer than 4096 characters", "shorten the parameters"},

	NoPhone:        {ClassReceiver, "the receiver has no phone number in Avni", "enter one in Avni"},
	InvalidPhone:   {ClassReceiver, "the receiver's phone number in Avni is not valid", "correct it in Avni"},
	OptedOut:       {ClassConsent, "the receiver has opted out at Glific", "nothing: they do not want messages; opt them in at Glific if they ask for it"},
	Blocked:        {ClassConsent, "the receiver is blocked at Glific", "unblock the contact in Glific, if that is wanted"},
	NeverOptedIn:   {ClassConsent, "Glific knows the contact, but they never opted in", "opt the contact in at Glific, if they agree"},
	UnknownToAvni:  {ClassReceiver, "Avni knows nobody with the phone number of this member of the group, so there is no name for @name", "enter the number in Avni, with a subject or a user"},
	GroupUnreached: {ClassReceiver, "no member of the group could be messaged", "see in detail of messenger.delivery why"},
	ContactInvalid: {ClassConsent, "the receiver cannot be messaged: opted out, blocked or not on WhatsApp", "look at the contact in Glific"},

	NoContent:           {ClassConfig, "the request has neither a rule nor a manual message", "look at who writes such rows into message_request_queue; avni-server and avni-messenger do not"},
	TemplateInvalid:     {ClassConfig, "the template's id is not a number", "choose the template again in Avni"},
	TemplateNotFound:    {ClassConfig, "Glific has no template with this id", "choose another template in Avni"},
	TemplateNotApproved: {ClassConfig, "the template is not approved by WhatsApp, or is switched off in Glific", "see in Glific why; or choose another template in Avni"},
	MediaTemplate:       {ClassConfig, "the template wants an attachment, which Avni cannot give", "choose a template without an attachment"},
	ResourceNotFound:    {ClassConfig, "Glific does not know what the request names", "choose the template again in Avni"},
	GroupGone:           {ClassConfig, "the group is not there at Glific any more", "send the message to another group"},
	GroupEmpty:          {ClassConfig, "the group has no members at Glific, or is not there any more", "add members to it in Glific, or send the message to another group"},

	LostAnswer:    {ClassUncertain, "it is not known yet whether Glific has accepted the message; Glific is asked before it is sent again", "nothing"},
	Withdrawn:     {ClassWithdrawn, "what the message is about was voided or is gone", "nothing"},
	Cancelled:     {ClassWithdrawn, "cancelled by hand", "nothing; avni-messenger requeue ID takes it back"},
	SentElsewhere: {ClassWithdrawn, "somebody else has marked the request as sent", "check that avni-server does not send for this organisation"},
	Duplicate:     {ClassWithdrawn, "Avni has another request of the same rule for the same entity, which is the one that is sent", "nothing"},
	RulePaused:    {ClassHeld, "the message rule failed too often and is paused", "correct the rule, and what waits goes on; or avni-messenger rule resume --rule ID"},
	NotTestNumber: {ClassHeld, "not a test number", "remove MESSENGER_TEST_NUMBERS to send to everybody"},
	DryRun:        {ClassHeld, "dry run", "remove MESSENGER_DRY_RUN to send"},
	LeftGroup:     {ClassWithdrawn, "the receiver had left the group before it was their turn", "nothing"},
	SentBefore:    {ClassWithdrawn, "avni-server had sent the message to this member of the group before it stopped", "nothing"},
	GroupUnderWay: {ClassUnderWay, "the message goes to the members of the group, one by one", "nothing"},
	GaveUp:        {ClassEnded, "every attempt has failed", "see in messenger.attempt why"},
	Expired:       {ClassEnded, "it was due too long ago and is not sent any more", "see in the log of that time, and in detail of messenger.delivery, what it waited for"},
	Unresolved:    {ClassEnded, "Glific could not tell whether it has accepted the message", "look at the contact in Glific"},
}
