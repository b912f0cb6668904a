//go:build monitoring

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// prometheus is a real one, which scrapes and evaluates every second.
type prometheusServer struct {
	t       testing.TB
	folder  string
	address string
	began   time.Time
	pace    *time.Ticker // of questions: the answers change once a second
}

const prometheusConfig = `
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yaml]
scrape_configs:
  - job_name: avni-messenger
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
`

// startPrometheus starts it with the given alerts, and no target.
func startPrometheus(t testing.TB, rules string) *prometheusServer {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatal("prometheus is not on the PATH: on Debian and Ubuntu apt-get install prometheus, else https://prometheus.io/download")
	}
	address, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheusServer{t: t, folder: t.TempDir(), address: address, began: time.Now(), pace: time.NewTicker(20 * time.Millisecond)}
	p.write("prometheus.yaml", prometheusConfig)
	p.write("rules.yaml", rules)
	p.write("targets.json", "[]")
	log, err := os.Create(filepath.Join(p.folder, "log"))
	if err != nil {
		t.Fatal(err)
	}
	server := exec.Command(path, "--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address="+address)
	server.Dir, server.Stdout, server.Stderr, server.SysProcAttr = p.folder, log, log, ownGroup()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM) // it may have ended, which its log tells
		_ = server.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("the log of Prometheus, its end:\n%s", text[max(0, len(text)-2000):])
		}
	})
	avnitest.Eventually(t, avnitest.Patience, func() string {
		response, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		return unless(response.StatusCode == http.StatusOK, "Prometheus is not ready: "+response.Status)
	})
	return p
}

func (p *prometheusServer) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil { // never half of it
		p.t.Fatal(err)
	}
}

// target has it scrape these addresses. The instances keep their names, as on machines where
// the program is started again.
func (p *prometheusServer) target(addresses ...string) {
	p.t.Helper()
	targets := make([]string, len(addresses))
	for i, address := range addresses {
		targets[i] = fmt.Sprintf(`{"targets": [%q], "labels": {"instance": "messenger-%d:8024"}}`, address, i+1)
	}
	p.write("targets.json", "["+strings.Join(targets, ", ")+"]")
}

// sample is a series of an answer, with its values that are numbers.
type sample struct {
	labels map[string]string
	values []float64
}

// ask calls the HTTP API. An error is what Prometheus says of the query.
func (p *prometheusServer) ask(path string, parameters url.Values, data any) error {
	p.t.Helper()
	<-p.pace.C
	response, err := http.Get("http://" + p.address + "/api/v1/" + path + "?" + parameters.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Warnings      []string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatalf("%s: %s: %v", path, response.Status, err)
	}
	if answer.Status != "success" || len(answer.Warnings) > 0 {
		return fmt.Errorf("%s %v", answer.Error, answer.Warnings)
	}
	return json.Unmarshal(answer.Data, data)
}

type queryResult struct {
	Result []struct {
		Metric map[string]string
		Value  []any   // of an instant
		Values [][]any // of a range
	}
}

func (r queryResult) samples() (found []sample) {
	for _, series := range r.Result {
		s := sample{labels: series.Metric}
		for _, pair := range append(series.Values, series.Value) {
			if len(pair) != 2 {
				continue
			}
			if v, err := strconv.ParseFloat(fmt.Sprint(pair[1]), 64); err == nil && !math.IsNaN(v) {
				s.values = append(s.values, v)
			}
		}
		if len(s.values) > 0 {
			found = append(found, s)
		}
	}
	return found
}

// instant evaluates an expression now.
func (p *prometheusServer) instant(expr string) ([]sample, error) {
	p.t.Helper()
	var result queryResult
	err := p.ask("query", url.Values{"query": {expr}}, &result)
	return result.samples(), err
}

// whole evaluates an expression at each second since the start.
func (p *prometheusServer) whole(expr string) ([]sample, error) {
	p.t.Helper()
	var result queryResult
	err := p.ask("query_range", url.Values{"query": {expr}, "start": {p.began.Format(time.RFC3339)},
		"end": {time.Now().Format(time.RFC3339)}, "step": {"1"}}, &result)
	return result.samples(), err
}
