package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// memoryScheduleRule and memoryMessageRule are usual rules: dates, observations, the last of
// some encounters.
const (
	memoryScheduleRule = `({params, imports}) => ({ scheduledDateTime: imports.moment().subtract(1, 'minutes').toDate(), shouldSend: !params.entity.voided });`
	memoryMessageRule  = `({params, imports}) => {
  const { moment, lodash } = imports;
  const individual = params.entity;
  const last = lodash.last(lodash.sortBy(individual.encounters.filter(e => e.encounterDateTime && !e.voided), 'encounterDateTime'));
  return { parameters: [[
    individual.firstName, individual.getObservationReadableValue('Symptoms'), individual.getObservationReadableValue('Weight'),
    moment(individual.registrationDate).format('DD MMM YYYY'), last ? moment(last.encounterDateTime).format('DD/MM/YYYY') : '-',
  ].join(' ')] };
};`
)

// The memory of the binary, as `make build` builds it, with so many organisations whose rules
// are evaluated and whose messages are delivered: 10 registrations of each at once, then one
// registration a second for a while, of one organisation after the other, then a minute of
// nothing. Told are the most while they trickle in, what it is at the end, and the most ever.
func BenchmarkMemory(b *testing.B) {
	binary := buildBinary(b)
	for _, organisations := range []int{1, 20, 200} {
		b.Run(fmt.Sprintf("organisations=%d", organisations), func(b *testing.B) { benchmarkMemory(b, binary, organisations) })
	}
}

func benchmarkMemory(b *testing.B, binary string, organisations int) {
	m := &memoryBench{program: newProgram(b, glifictest.Options{})}
	m.binary = binary
	for i := range organisations {
		m.addOrganisation(i)
	}
	m.start()
	for i := range organisations {
		m.register(i, 10)
	}
	m.arrived()
	m.watch(15, func(int) {}) // after the burst
	trickling := m.watch(30, func(second int) { m.register(second%organisations, 1) })
	m.arrived()
	quiet := m.watch(60, func(int) {})
	b.ReportMetric(slices.Max(trickling), "trickling-RSS-MB")
	b.ReportMetric(quiet[len(quiet)-1], "RSS-MB")
	b.ReportMetric(m.status("VmHWM"), "most-MB")
	b.ReportMetric(0, "ns/op")
	m.stop()
}

// buildBinary builds avni-messenger as `make build` does.
func buildBinary(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "avni-messenger")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// memoryBench is a program with many organisations.
type memoryBench struct {
	*program
	subjects int // registered so far
}

func (m *memoryBench) exec(sql string, arguments ...any) {
	m.t.Helper()
	_, err := m.avni.Pool().Exec(m.t.Context(), sql, arguments...)
	m.must(err)
}

// addOrganisation adds an organisation under Asha Gramin, whose forms it uses, with a Glific
// account and two rules of its own.
func (m *memoryBench) addOrganisation(i int) {
	m.t.Helper()
	id, name := 1000+i, fmt.Sprintf("bench%d", i)
	m.glific.AddOrganisation(name, "919999900001", "glific-asha-pw", glifictest.Template{ID: 7006, Body: "{{1}}"})
	once := `(select) x`
	m.exec(like("organisation", "101", `'id', $1::int, 'uuid', gen_random_uuid(), 'name', $2::text, 'db_user', $2::text, 'username_suffix', $2::text,
		'schema_name', $2::text, 'media_directory', $2::text, 'parent_organisation_id', 101`, once), id, name)
	own := `'id', $1::int, 'uuid', gen_random_uuid(), 'organisation_id', $1::int`
	m.exec(like("users", "201", own+`, 'username', 'admin@' || $2::text`, once), id, name)
	m.exec(like("organisation_config", "171", own, once), id)
	m.exec(like("external_system_config", "181", own+`, 'config', s.config || jsonb_build_object('baseUrl', $2::text, 'avniSystemUser', 'admin@' || $3::text)`, once),
		id, m.glific.URL(name), name)
	m.exec(like("message_rule", "601", own+`, 'schedule_rule', $2::text, 'message_rule', $3::text, 'message_template_id', '7006'`, once),
		id, memoryScheduleRule, memoryMessageRule+"// "+name)
}

// register registers subjects, each with five visits.
func (m *memoryBench) register(i, subjects int) {
	m.t.Helper()
	first := 100_000 + m.subjects
	m.subjects += subjects
	own := `'uuid', gen_random_uuid(), 'organisation_id', $1::int, 'is_voided', false, `
	numbers := `generate_series($2::int, $2::int + $3::int - 1) n`
	m.exec(`with subjects as (`+like("individual", "1001", own+`'id', n, `+withPhone, numbers)+`)
		`+like("encounter", "1002", own+`'id', 10 * n + visit, 'individual_id', n`, numbers+`, generate_series(1, 5) visit`), 1000+i, first, subjects)
}

// arrived waits for the message to each subject.
func (m *memoryBench) arrived() {
	m.t.Helper()
	m.eventually(avnitest.Patience, func() string {
		if got := len(m.glific.Ledger()); got < m.subjects {
			return fmt.Sprintf("%d of %d messages arrived", got, m.subjects)
		}
		return ""
	})
}

// watch does something every second, and returns the resident memory after each.
func (m *memoryBench) watch(seconds int, do func(second int)) []float64 {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var resident []float64
	for second := range seconds {
		<-tick.C
		do(second)
		resident = append(resident, m.status("VmRSS"))
	}
	return resident
}

// status is a size of /proc/…/status in MB.
func (m *memoryBench) status(name string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.now.command.Process.Pid))
	m.must(err)
	found := regexp.MustCompile(name + `:\s*(\d+) kB`).FindSubmatch(status)
	if found == nil {
		m.t.Fatalf("there is no %s in %s", name, status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	m.must(err)
	return float64(kilobytes) / 1024
}
