package dispatch

import (
	"log/slog"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/dispatch/glific"
)

// Options of a Dispatcher.
type Options struct {
	Pool          *pgxpool.Pool
	Renderer      Renderer
	Organisations func() []Organisation // asked at the start and after each Reload
	Settings      Settings
	Glific        glific.Options // for the client of every organisation
	Log           *slog.Logger   // nil: discards
	Metrics       *Metrics       // nil: not exposed
	Now           func() time.Time

	connect func(glific.Account) sender // nil: glific.NewClient
}

// Settings say how much, how fast and how long. The zero value means the defaults.
type Settings struct {
	Window       time.Duration // requests due for longer are not sent any more; 0: 4 days
	PollInterval time.Duration // safety poll; 0: 30 s
	MaxAttempts  int           // 0: 8
	RetryBase    time.Duration // wait after the first failed attempt; 0: 1 min

	MessagesPerSecond float64 // per organisation and process, a few of them at once; 0: 2; negative: no limit
	InFlight          int     // deliveries side by side per organisation; 0: as many as messages per second, from 2 to 64
	ClaimSize         int     // requests claimed at once per organisation; 0: four times InFlight, at least 10

	TestNumbers []Phone    // if any, only these are ever messaged
	DryRun      bool       // everything but the calls to Glific; Avni's rows are left alone
	QuietHours  QuietHours // when nothing is sent

	// Lease is how long a claim lasts without news of its holder; 0: 45 s. Sends extend it.
	Lease time.Duration
	// SendTimeout is the limit of one send, from before it is recorded to its answer; 0: 30 s.
	SendTimeout time.Duration
	// UncertainGrace is how long after a send of unknown outcome Glific may still be
	// at work on it; 0: 60 s. It must be longer than SendTimeout.
	UncertainGrace time.Duration

	TemplateTTL time.Duration // how long a template is taken for what Glific last said of it; 0: 15 min

	ShortPause time.Duration // first pause of an organisation whose Glific does not answer, doubling up to 2 min; 0: 5 s
	LongPause  time.Duration // pause of an organisation for which somebody has to act; 0: 10 min
	StopGrace  time.Duration // how long sends in hand may still take when Run is told to stop; 0: 20 s
}

// withDefaults fills in what is zero.
func (s Settings) withDefaults() Settings {
	setDefault(&s.Window, 4*24*time.Hour)
	setDefault(&s.PollInterval, 30*time.Second)
	setDefault(&s.MaxAttempts, 8)
	setDefault(&s.RetryBase, time.Minute)
	setDefault(&s.MessagesPerSecond, 2)
	setDefault(&s.InFlight, s.inFlight())
	setDefault(&s.ClaimSize, max(10, 4*s.InFlight))
	setDefault(&s.Lease, 45*time.Second)
	setDefault(&s.SendTimeout, 30*time.Second)
	setDefault(&s.UncertainGrace, time.Minute)
	setDefault(&s.TemplateTTL, 15*time.Minute)
	setDefault(&s.ShortPause, 5*time.Second)
	setDefault(&s.LongPause, 10*time.Minute)
	setDefault(&s.StopGrace, 20*time.Second)
	if s.MessagesPerSecond > 0 { // the last claim of a batch must outlive its wait for its turn
		turn := time.Duration(float64(s.ClaimSize+s.InFlight) / s.MessagesPerSecond * float64(time.Second))
		s.Lease = max(s.Lease, turn)
	}
	return s
}

// inFlight keeps up with the pace while Glific takes a second for a delivery, and is no
// more than that: what waits for its turn might as well wait in the queue. Without a pace
// it is enough to fill the requests that the client has under way, ten messages in each,
// while as many more are being prepared and recorded.
func (s Settings) inFlight() int {
	const fewest, most = 2, 64
	if s.MessagesPerSecond < 0 || s.MessagesPerSecond > most {
		return most
	}
	return max(fewest, int(math.Ceil(s.MessagesPerSecond)))
}

// burst is how many messages that are due together need not wait for each other. With
// those that follow in the same second it stays below ten: WhatsApp's provider takes
// no more, and what it refuses is lost.
func (s Settings) burst() int {
	const most, perSecond = 5, 8
	return max(1, min(most, perSecond-int(math.Ceil(s.MessagesPerSecond))))
}

func setDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

func (o Options) withDefaults() Options {
	o.Settings = o.Settings.withDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(prometheus.NewRegistry(), o.Settings.QuietHours)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// client is the organisation's own way to its Glific.
func (o Options) client(of Organisation) sender {
	if o.connect != nil {
		return o.connect(of.Glific)
	}
	options := o.Glific
	if options.Log != nil {
		options.Log = options.Log.With("component", "glific", "organisation", of.Name)
	}
	return glific.NewClient(of.Glific, options)
}
