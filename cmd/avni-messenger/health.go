package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/metrics"
)

const healthHelp = `Asks the avni-messenger that runs on this machine how it does, at the address of
MESSENGER_LISTEN, and prints one line per dependency.

The exit code is 0 if it works (also with warnings, such as an organisation that is
held back), 1 if it does not, or if nothing answers, and 78 if the configuration is
wrong. Made for container health checks, which have no curl.`

func newHealthCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Ask the running process how it does",
		Long:  healthHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return askHealth(cmd.Context(), cfg.Listen, c.stdout)
		},
	}
}

func askHealth(ctx context.Context, listen string, out io.Writer) error {
	health, works, err := readHealth(ctx, listen)
	if err != nil {
		return err
	}
	printHealth(out, health)
	if !works {
		return errors.New("it does not work, see above")
	}
	return nil
}

// readHealth asks the avni-messenger that listens there how it does, and whether it works.
func readHealth(ctx context.Context, listen string) (health metrics.Health, works bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(listen)+"/health", nil)
	if err != nil {
		return health, false, fmt.Errorf("ask %s: %w", listen, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return health, false, fmt.Errorf("no avni-messenger answers at %s: %w", listen, err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&health); err != nil {
		return health, false, fmt.Errorf("what answers at %s is no avni-messenger: %w", listen, err)
	}
	return health, response.StatusCode == http.StatusOK, nil
}

func printHealth(out io.Writer, health metrics.Health) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, e := range health.Checks {
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.Status, e.Name, e.Detail)
		if e.Fix != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", e.Fix)
		}
	}
	table.Flush()
}

// reachable is where a listener on that address is reached from this machine.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
