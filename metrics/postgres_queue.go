package metrics

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	queueRequests = prometheus.NewDesc("messenger_dispatch_queue_requests",
		"Messages in Avni's queue that are not sent, not voided and not too old to be sent.", []string{"organisation", "status"}, nil)
	oldestDue = prometheus.NewDesc("messenger_dispatch_oldest_due_timestamp_seconds",
		"When the message that waits longest was due; absent if none waits.", []string{"organisation"}, nil)
	inboxChanges = prometheus.NewDesc("messenger_cdc_inbox_changes",
		"Changes that wait for their rules.", nil, nil)
	inboxOldest = prometheus.NewDesc("messenger_cdc_inbox_oldest_timestamp_seconds",
		"When the change that waits longest was committed; absent if none waits.", nil, nil)
)

// openStatuses are Avni's delivery statuses but Sent: the table keeps sent messages
// for ever, and counting them would read all of it at every scrape.
var openStatuses = []string{"NotSent", "NotSentNoPhoneNumberInAvni", "NotSentInvalidPhoneNumberInAvni", "PartiallySent", "Failed"}

// queueSQL is written to use the partial index that `setup` makes. Failed messages
// and those without a number wait for nobody, so they have no due time; nor has what was
// settled (a message to a group stays PartiallySent in Avni then), or waits on purpose.
const queueSQL = `
select q.organisation_id, q.delivery_status, count(*),
       min(q.scheduled_date_time) filter (where q.scheduled_date_time <= now() and q.delivery_status in ('NotSent', 'PartiallySent')
           and coalesce(d.state, 'waiting') not in ('accepted', 'refused', 'expired', 'withdrawn')
           and coalesce(d.reason, '') not in ('rule_paused', 'not_test_number', 'dry_run'))
from message_request_queue q left join messenger.delivery d on d.request_id = q.id
where not q.is_voided and q.delivery_status <> 'Sent'
  and q.organisation_id = any($1) and q.scheduled_date_time >= now() - make_interval(secs => $2)
group by q.organisation_id, q.delivery_status`

type queueRow struct {
	organisation int32
	status       string
	requests     int64
	oldest       *time.Time
}

func (c *PostgresCollector) collectQueue(ctx context.Context, tx pgx.Tx, metrics chan<- prometheus.Metric) error {
	organisations := c.options.Organisations()
	ids := make([]int32, len(organisations))
	for i, o := range organisations {
		ids[i] = o.ID
	}
	rows, err := tx.Query(ctx, queueSQL, ids, c.options.Since.Seconds())
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (queueRow, error) {
		var r queueRow
		return r, row.Scan(&r.organisation, &r.status, &r.requests, &r.oldest)
	})
	if err != nil {
		return err
	}
	for _, o := range organisations {
		sendQueue(metrics, o, found)
	}
	return nil
}

// sendQueue shows every known status of one organisation, also those without a row.
func sendQueue(metrics chan<- prometheus.Metric, o Organisation, found []queueRow) {
	requests := make(map[string]int64, len(openStatuses))
	var oldest *time.Time
	for _, row := range found {
		if row.organisation != o.ID {
			continue
		}
		requests[row.status] = row.requests
		if row.oldest != nil && (oldest == nil || row.oldest.Before(*oldest)) {
			oldest = row.oldest
		}
	}
	for _, status := range openStatuses {
		metrics <- prometheus.MustNewConstMetric(queueRequests, prometheus.GaugeValue, float64(requests[status]), o.Label, status)
	}
	if oldest != nil && o.Delivers {
		metrics <- prometheus.MustNewConstMetric(oldestDue, prometheus.GaugeValue, seconds(*oldest), o.Label)
	}
}

func (c *PostgresCollector) collectInbox(ctx context.Context, tx pgx.Tx, metrics chan<- prometheus.Metric) error {
	var changes int64
	var oldest *time.Time
	err := tx.QueryRow(ctx, `select count(*), min(committed_at) from messenger.inbox`).Scan(&changes, &oldest)
	if err != nil {
		return err
	}
	metrics <- prometheus.MustNewConstMetric(inboxChanges, prometheus.GaugeValue, float64(changes))
	if oldest != nil {
		metrics <- prometheus.MustNewConstMetric(inboxOldest, prometheus.GaugeValue, seconds(*oldest))
	}
	return nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
