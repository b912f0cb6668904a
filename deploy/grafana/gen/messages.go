package main

// ofMessages are the states of an organisation, the worst last.
var ofMessages = []state{{1, "shadow", blue}, {2, "sends", green}, {3, "paused", amber}, {4, "held back", red}}

// messages is for those who answer for the messages: is it going out, how late, to how
// many people, what fails and why, and what became of it on WhatsApp.
var messages = board{
	name: "messages", title: "avni-messenger: Messages", organisation: true,
	description: "Is it going out, how late, what fails and why, and what became of it on WhatsApp.",
	rows: []row{{"At a glance", []panel{
		{kind: number, title: "Held or paused", width: 4, unit: "short", steps: []step{{1, red}},
			description: "Organisations for which nothing is sent now although it should be; /health says why and what to do.",
			queries:     []query{{`sum(max by (organisation) (messenger_organisation_held{org}) > 0 or max by (organisation) (messenger_dispatch_paused{org}) > 0)` + orZero, ""}}},
		{kind: number, title: "Longest wait", width: 4, unit: "s", zero: "nobody waits", steps: []step{{60, amber}, {900, red}},
			description: "How long the message that is due longest has been waiting. In quiet hours, or while an organisation is held or paused, messages wait on purpose.",
			queries:     []query{{`max(time() - messenger_dispatch_oldest_due_timestamp_seconds{org})` + orZero, ""}}},
		{kind: number, title: "Last accepted", width: 4, unit: "s", noValue: "none",
			description: "How long ago Glific last accepted a message, of those of the chosen time: then everything worked from end to end.",
			queries:     []query{{`time() - max(max_over_time(messenger_dispatch_last_accepted_timestamp_seconds{}[$__range]) > 0)`, ""}}},
		{kind: number, title: "Quiet hours", width: 4, unit: "bool_yes_no", steps: []step{{1, amber}}, base: plain,
			description: "Whether it is one of MESSENGER_QUIET_HOURS, in which messages wait on purpose.",
			queries:     []query{{`max(messenger_dispatch_quiet{})`, ""}}},
		{kind: number, title: "Held: too many at once", width: 4, unit: "short", steps: []step{{1, amber}},
			description: "New messages that wait to be released or cancelled because their rule made more than MESSENGER_STORM_LIMIT of them at once.",
			queries:     []query{{`max(messenger_rules_held{})`, ""}}},
		{kind: number, title: "Paused rule scripts", width: 4, unit: "short", steps: []step{{1, red}},
			description: "Rule scripts that are not run because they failed too often; /health names them.",
			queries:     []query{{`max(sum by (instance) (messenger_rules_paused{}))`, ""}}},
		{kind: number, title: "Accepted by Glific", width: 4, unit: "short",
			description: "Messages that Glific took in the chosen time.",
			queries:     []query{{`sum(increase(messenger_dispatch_deliveries_total{org}[$__range])) - sum(increase(messenger_dispatch_delivery_failures_total{org}[$__range]))` + orZero, ""}}},
		{kind: number, title: "Reached a phone", width: 4, unit: "short",
			description: "Messages of which WhatsApp says that they were delivered, in the chosen time.",
			queries:     []query{{`sum(increase(messenger_dispatch_receipts_total{org,status="delivered"}[$__range]))` + orZero, ""}}},
		{kind: number, title: "Attempts that failed", width: 4, unit: "percentunit", steps: []step{{0.05, amber}, {0.2, red}},
			description: "Share of the attempts of the chosen time that Glific did not accept; some of them are tried again.",
			queries:     []query{{`sum(increase(messenger_dispatch_delivery_failures_total{org}[$__range])) / (sum(increase(messenger_dispatch_deliveries_total{org}[$__range])) > 0)` + orZero, ""}}},
		{kind: number, title: "Failed on WhatsApp", width: 4, unit: "percentunit", steps: []step{{0.05, amber}, {0.2, red}},
			description: "Share of the messages whose fate was learnt in the chosen time that did not arrive: not on WhatsApp, limits, balance.",
			queries:     []query{{`sum(increase(messenger_dispatch_receipt_failures_total{org}[$__range])) / (sum(increase(messenger_dispatch_receipt_failures_total{org}[$__range])) + sum(increase(messenger_dispatch_receipts_total{org,status="delivered"}[$__range])) > 0)` + orZero, ""}}},
		{kind: number, title: "Organisations served", width: 4, unit: "short",
			description: "Organisations in mode full or dispatch.",
			queries:     []query{{`sum(max by (organisation, mode) (messenger_organisation_mode{org,mode=~"full|dispatch"}))` + orZero, ""}}},
		{kind: number, title: "Unexplained differences", width: 4, unit: "short", noValue: "no shadow mode", steps: []step{{1, amber}},
			description: "In shadow mode: rules and entities for which avni-server has queued something else for no known cause; avni-messenger parity lists them.",
			queries:     []query{{`sum(max by (organisation) (messenger_rules_parity_unexplained{org}))`, ""}}},
	}}, {"Going out", []panel{
		{kind: states, title: "State of each organisation", width: 12, unit: "short", states: ofMessages,
			description: "Held back: something has to be decided or mended, which /health says. Paused: its Glific cannot be used now: not reachable, wrong password, suspended, its limit reached. Shadow: nothing is sent on purpose.",
			queries: []query{{`(max by (organisation) (messenger_organisation_held{org}) > 0) * 0 + 4 or (max by (organisation) (messenger_dispatch_paused{org}) > 0) * 0 + 3` +
				` or max by (organisation) (messenger_organisation_mode{org,mode=~"full|dispatch"}) * 0 + 2 or max by (organisation) (messenger_organisation_mode{org,mode="shadow"}) * 0 + 1`, "{{organisation}}"}}},
		{kind: lines, title: "Longest wait", width: 12, unit: "s", beside: "max", noValue: "nobody waits", steps: []step{{900, red}},
			description: "How long the message that is due longest has been waiting, per organisation.",
			queries:     []query{{`time() - min by (organisation) (messenger_dispatch_oldest_due_timestamp_seconds{org})`, "{{organisation}}"}}},
		{kind: bars, title: "Accepted by Glific", width: 12, unit: "short", beside: "max", noValue: "none",
			description: "Messages that Glific took, per organisation.",
			queries:     []query{{`sum by (organisation) (increase(messenger_dispatch_deliveries_total{org}[$__rate_interval])) - sum by (organisation) (increase(messenger_dispatch_delivery_failures_total{org}[$__rate_interval])) > 0`, "{{organisation}}"}}},
		{kind: lines, title: "How late", width: 12, unit: "s", noValue: "nothing was sent", colours: ofQuantiles,
			description: "From when a message was due, or queued if that was later, until Glific had accepted it: the slowest of 2, of 20, of 100.",
			queries: []query{
				{quantile(0.5, "messenger_dispatch_end_to_end_duration_seconds"), "half"},
				{quantile(0.95, "messenger_dispatch_end_to_end_duration_seconds"), "95 of 100"},
				{quantile(0.99, "messenger_dispatch_end_to_end_duration_seconds"), "99 of 100"}}},
		{kind: lines, title: "In Avni's queue", width: 12, unit: "short",
			description: "Messages that are not sent, by Avni's delivery status: NotSent includes those that are not due yet.",
			colours:     []coloured{{"NotSent", blue}, {"NotSentNoPhoneNumberInAvni", "yellow"}, {"NotSentInvalidPhoneNumberInAvni", amber}, {"PartiallySent", "purple"}, {"Failed", red}},
			queries:     []query{{`sum by (status) (max by (organisation, status) (messenger_dispatch_queue_requests{org}))`, "{{status}}"}}},
		{kind: lines, title: "Held: too many at once", width: 12, unit: "short", colours: []coloured{{"messages", amber}},
			description: "New messages that wait to be released or cancelled because their rule made too many at once; avni-messenger release lists them.",
			queries:     []query{{`max(messenger_rules_held{})`, "messages"}}},
	}}, {"What fails, and why", []panel{
		{kind: bars, title: "Attempts that failed, by reason", width: 12, unit: "short", noValue: "none", colours: ofReasons,
			description: "The reasons are explained in docs/outcomes.md, with what to do.",
			queries:     []query{{`sum by (reason) (increase(messenger_dispatch_delivery_failures_total{org}[$__rate_interval])) > 0`, "{{reason}}"}}},
		{kind: rank, title: "Failures of the chosen time", width: 12, unit: "short", noValue: "none", columns: ofFailures,
			description: "Which organisation, for which reason, how often.",
			queries:     []query{{`sort_desc(sum by (organisation, reason) (increase(messenger_dispatch_delivery_failures_total{org}[$__range])) > 0)`, ""}}},
		{kind: bars, title: "Written or sent by somebody else", width: 24, tall: 6, unit: "short", beside: "max", noValue: "none",
			description: "Requests of organisations that are ours that somebody else inserted (foreign_request) or marked Sent (foreign_sent); the organisation is held then.",
			queries:     []query{{`sum by (organisation, kind) (increase(messenger_organisation_foreign_writes_total{org}[$__rate_interval])) > 0`, "{{organisation}}: {{kind}}"}}},
	}}, {"On WhatsApp", []panel{
		{kind: lines, title: "What became of accepted messages", width: 12, unit: "short", noValue: "nothing is sent",
			description: "By each status that a message was seen to have reached: what was read was also delivered and sent.",
			colours:     []coloured{{"sent", blue}, {"delivered", green}, {"read", "purple"}, {"failed", red}, {"gone from Glific", amber}},
			queries: []query{
				{`sum(increase(messenger_dispatch_receipts_total{org,status="sent"}[$__rate_interval]))`, "sent"},
				{`sum(increase(messenger_dispatch_receipts_total{org,status="delivered"}[$__rate_interval]))`, "delivered"},
				{`sum(increase(messenger_dispatch_receipts_total{org,status="read"}[$__rate_interval]))`, "read"},
				{`sum(increase(messenger_dispatch_receipts_total{org,status="error"}[$__rate_interval]))`, "failed"},
				{`sum(increase(messenger_dispatch_receipts_total{org,status="gone"}[$__rate_interval]))`, "gone from Glific"}}},
		{kind: bars, title: "Failed after Glific had accepted them", width: 12, unit: "short", noValue: "none", colours: ofReceipts,
			description: "By reason: the number is not on WhatsApp, a limit was reached, the balance is used up.",
			queries:     []query{{`sum by (reason) (increase(messenger_dispatch_receipt_failures_total{org}[$__rate_interval])) > 0`, "{{reason}}"}}},
		{kind: lines, title: "Not heard of yet", width: 12, unit: "short", beside: "lastNotNull", noValue: "nothing is sent",
			description: "Accepted messages of the last 3 days of which it is not known yet that they arrived or failed.",
			queries:     []query{{`max by (organisation) (messenger_dispatch_receipts_awaited{org})`, "{{organisation}}"}}},
		{kind: rank, title: "Failures on WhatsApp, of the chosen time", width: 12, unit: "short", noValue: "none", columns: ofFailures,
			description: "Which organisation, for which reason, how often.",
			queries:     []query{{`sort_desc(sum by (organisation, reason) (increase(messenger_dispatch_receipt_failures_total{org}[$__range])) > 0)`, ""}}},
	}}, {"Compared with avni-server, in shadow mode", []panel{
		{kind: bars, title: "Comparisons", width: 12, unit: "short", noValue: "none", colours: []coloured{{"same", green}, {"different", blue}, {"unknown", amber}},
			description: "What would be queued, compared with what avni-server has queued: the same, different for a known cause, or for none (unknown).",
			queries:     []query{{`sum by (verdict) (increase(messenger_rules_parity_comparisons_total{}[$__rate_interval])) > 0`, "{{verdict}}"}}},
		{kind: lines, title: "Unexplained differences", width: 12, unit: "short", beside: "lastNotNull", noValue: "nothing is compared",
			description: "Rules and entities for which avni-server has queued something else for no known cause, per organisation in shadow mode.",
			queries:     []query{{`max by (organisation) (messenger_rules_parity_unexplained{org})`, "{{organisation}}"}}},
	}}},
}

var ofFailures = []column{{"organisation", "Organisation"}, {"reason", "Reason"}, {"Value", "Failures"}}

// The usual reasons (docs/outcomes.md): red are those that stop a whole organisation.
var (
	ofReasons = []coloured{{"glific_unreachable", red}, {"glific_error", "dark-red"}, {"invalid_phone", amber}, {"no_phone", "yellow"},
		{"contact_invalid", "purple"}, {"opted_out", blue}, {"rule_failed", "dark-orange"}, {"expired", "dark-yellow"}}
	ofReceipts = []coloured{{"no_balance", red}, {"sending_limit", "dark-red"}, {"not_on_whatsapp", amber}, {"frequency_cap", "yellow"}, {"stopped_messages", blue}}
)
