package metrics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ServerOptions is what a Server serves.
type ServerOptions struct {
	Registry *prometheus.Registry
	// Narrow leaves the label organisation out of /metrics.
	Narrow bool
	// Health is what /health and /state tell, such as that of a Doctor.
	Health func(context.Context) Health
	// Page answers what nobody else does; nil: only / is there, which leads to /state.
	Page http.Handler
	Log  *slog.Logger
}

// Server answers /ping, /health, /metrics, /state and what its page does. It is the last part to stop, so that
// the final scrape and the 503 of a process that ends can be seen.
type Server struct {
	listener net.Listener
	http     *http.Server
	log      *slog.Logger
}

// Listen binds the address, so that an address that is taken is known at once. The
// server answers once Run is called.
func Listen(address string, o ServerOptions) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &Server{
		listener: listener,
		log:      o.Log.With("component", "http"),
		http: &http.Server{
			Handler:           newHandler(o),
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       10 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Addr is where the server listens, useful after listening on port 0.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run serves until the context ends, then lets requests in progress finish for 2 s.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	s.log.Info("listening", "address", s.Addr().String())
	select {
	case err := <-served:
		return fmt.Errorf("serve http on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop http server: %w", err)
	}
	return nil
}

func newHandler(o ServerOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "pong")
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		writeHealth(w, o.Health(r.Context()))
	})
	var shown prometheus.Gatherer = o.Registry
	if o.Narrow {
		shown = WithoutOrganisations(shown)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(shown, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(o.Log.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            o.Registry,
		MaxRequestsInFlight: 4,
		Timeout:             20 * time.Second,
	}))
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		writePage(w, o.Health(r.Context()))
	})
	if o.Page != nil {
		mux.Handle("/", o.Page)
	} else {
		mux.Handle("GET /{$}", http.RedirectHandler("/state", http.StatusSeeOther))
	}
	return mux
}

func writeHealth(w http.ResponseWriter, health Health) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if health.Status == Failing {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(health) // the client has gone: nobody is left to tell
}
