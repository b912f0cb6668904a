package main

import "fmt"

// goal is what one figure of a benchmark is to be; a limit of 0 is none: the figure is
// only told.
type goal struct {
	what      string
	benchmark string // without "Benchmark"
	metric    string
	unit      string // with the space before it
	limit     float64
	atLeast   bool // else at most
}

const (
	itsTime   = " × its time" // pg_recvlogical's
	asFast    = " × as fast"  // as avni-server's sequence: login, contact search, login, send, one message after the other
	perSecond = "/s"
)

// rules-server's own speed on the same contract, measured on one core.
const (
	rulesServerSchedule = 700
	rulesServerMessage  = 630
)

var goals = []goal{
	{what: "commit in Avni to queue row, 99 of 100, at 50 registrations a second", benchmark: "CommitToQueueRow", metric: "p99-ms", unit: " ms", limit: 50},
	{what: "the same, the median", benchmark: "CommitToQueueRow", metric: "p50-ms", unit: " ms"},
	{what: "due time to request at Glific, 99 of 100", benchmark: "DueToRequest", metric: "p99-ms", unit: " ms", limit: 1000},
	{what: "the same, the median", benchmark: "DueToRequest", metric: "p50-ms", unit: " ms"},
	{what: "registrations to messages, all at once, Glific answers at once", benchmark: "WholePath", metric: "messages/s", unit: perSecond},
	{what: "the same, Glific answers in 50 ms", benchmark: "DistantGlific", metric: "messages/s", unit: perSecond},
	{what: "most memory of the process meanwhile", benchmark: "WholePath", metric: "memory-MB", unit: " MB", limit: 150},
	{what: "messages to known contacts, Glific answers in 50 ms, beside avni-server", benchmark: "Delivery/organisations=1", metric: "times-serial", unit: asFast, limit: 50, atLeast: true},
	{what: "the same, in figures", benchmark: "Delivery/organisations=1", metric: "messages/s", unit: perSecond},
	{what: "the same, 4 organisations", benchmark: "Delivery/organisations=4", metric: "messages/s", unit: perSecond},
	{what: "the same, 16 organisations", benchmark: "Delivery/organisations=16", metric: "messages/s", unit: perSecond},
	{what: "most memory of the process with 100,000 messages due", benchmark: "ManyDue", metric: "memory-MB", unit: " MB", limit: 150},
	{what: "messages meanwhile, Glific answers at once", benchmark: "ManyDue", metric: "messages/s", unit: perSecond},
	{what: "memory of the process with 20 organisations at work, a minute later", benchmark: "Memory/organisations=20", metric: "RSS-MB", unit: " MB", limit: 150},
	{what: "the same, the most while one of them saves something every second", benchmark: "Memory/organisations=20", metric: "trickling-RSS-MB", unit: " MB", limit: 150},
	{what: "the same, the most ever: 10 registrations of each at once", benchmark: "Memory/organisations=20", metric: "most-MB", unit: " MB"},
	{what: "the same, 1 organisation, a minute later", benchmark: "Memory/organisations=1", metric: "RSS-MB", unit: " MB"},
	{what: "the same, 200 organisations, of which 32 keep their runtime", benchmark: "Memory/organisations=200", metric: "RSS-MB", unit: " MB"},

	{what: "changes that no rule wants, each its own transaction", benchmark: "DrainSingleRowTransactions", metric: "no-match-ratio", unit: itsTime, limit: 0.6},
	{what: "changes into the inbox, each its own transaction", benchmark: "DrainSingleRowTransactions", metric: "into-inbox-ratio", unit: itsTime, limit: 0.8},
	{what: "changes that no rule wants, one transaction", benchmark: "DrainOneTransaction", metric: "no-match-ratio", unit: itsTime, limit: 0.6},
	{what: "changes into the inbox, one transaction", benchmark: "DrainOneTransaction", metric: "into-inbox-ratio", unit: itsTime, limit: 0.8},
	{what: "memory that one transaction adds, into the inbox", benchmark: "DrainOneTransaction", metric: "into-inbox-memory-MB", unit: " MB", limit: 32},
	{what: "updates that no rule wants, each its own transaction", benchmark: "DrainUpdates", metric: "no-match-ratio", unit: itsTime, limit: 0.6},
	{what: "updates into the inbox, each its own transaction", benchmark: "DrainUpdates", metric: "into-inbox-ratio", unit: itsTime, limit: 0.8},
	{what: "1 GB of others' WAL is let go of", benchmark: "ForeignTraffic", metric: "ns/op", unit: " s"},

	{what: "schedule rules, beside rules-server", benchmark: "Schedule/realistic/one_goroutine", metric: "evaluations/s", unit: perSecond, limit: 14 * rulesServerSchedule, atLeast: true},
	{what: "message rules, beside rules-server", benchmark: "Parameters/realistic/one_goroutine", metric: "evaluations/s", unit: perSecond, limit: 5 * rulesServerMessage, atLeast: true},

	{what: "inbox to queue, subjects alone", benchmark: "Inbox/0_encounters", metric: "rows/s", unit: perSecond},
	{what: "the same, subjects with 50 encounters", benchmark: "Inbox/50_encounters", metric: "rows/s", unit: perSecond},
}

func (g goal) meets(value float64) bool {
	if g.atLeast {
		return value >= g.limit
	}
	return value <= g.limit
}

// words is the goal itself: "at most 50 ms".
func (g goal) words() string {
	switch {
	case g.limit == 0:
		return ""
	case g.atLeast:
		return "at least " + g.text(g.limit)
	}
	return "at most " + g.text(g.limit)
}

func (g goal) text(value float64) string {
	if g.metric == "ns/op" {
		value /= 1e9
	}
	number := fmt.Sprintf("%.2f", value)
	if value >= 10 {
		number = fmt.Sprintf("%.0f", value)
	}
	return number + g.unit
}
