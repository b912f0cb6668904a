package rules

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
)

// benchScheduleRule is moment arithmetic on one date, as most schedule rules are.
const benchScheduleRule = `({params, imports}) => ({ scheduledDateTime: imports.moment(params.entity.registrationDate).add(1, 'days').hour(9).toDate(), shouldSend: !params.entity.voided });`

// benchMessageRule reads two observations, filters and sorts the encounters of an
// enrolment and formats dates.
const benchMessageRule = `({params, imports}) => {
  const {moment, lodash} = imports;
  const individual = params.entity;
  const last = lodash.last(lodash.sortBy(individual.encounters.filter(e => e.encounterDateTime && !e.voided), 'encounterDateTime'));
  return { parameters: [
    individual.firstName, individual.getObservationReadableValue('Answer 3'), individual.getObservationReadableValue('Number 7'),
    moment(individual.registrationDate).format('DD MMM YYYY'), last ? moment(last.encounterDateTime).format('DD/MM/YYYY') : '-',
  ] };
};`

// evaluation runs one rule of an organisation.
type evaluation func(ctx context.Context, e *Engine, organisationID int32, in Input) error

func runScheduleRule(ctx context.Context, e *Engine, organisationID int32, in Input) error {
	_, err := e.Schedule(ctx, organisationID, benchScheduleRule, in)
	return err
}

func runMessageRule(ctx context.Context, e *Engine, organisationID int32, in Input) error {
	_, err := e.Parameters(ctx, organisationID, benchMessageRule, in)
	return err
}

func BenchmarkSchedule(b *testing.B)   { benchmarkRule(b, runScheduleRule) }
func BenchmarkParameters(b *testing.B) { benchmarkRule(b, runMessageRule) }

// benchmarkRule runs one rule on entities of several sizes: in one goroutine, and in one
// for each core, which are different organisations.
func benchmarkRule(b *testing.B, run evaluation) {
	for _, size := range []struct {
		name string
		in   Input
	}{{"tiny", tinyInput()}, {"realistic", realisticInput()}, {"large", largeInput()}} {
		b.Run(size.name+"/one_goroutine", func(b *testing.B) { benchmarkAlone(b, run, size.in) })
		b.Run(size.name+"/all_cores", func(b *testing.B) { benchmarkTogether(b, run, size.in) })
	}
}

func benchmarkAlone(b *testing.B, run evaluation, in Input) {
	e := testEngine(b)
	if err := run(b.Context(), e, asha, in); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := run(b.Context(), e, asha, in); err != nil {
			b.Fatal(err)
		}
	}
	reportSpeed(b)
}

func benchmarkTogether(b *testing.B, run evaluation, in Input) {
	e := testEngine(b)
	organisations := int32(runtime.GOMAXPROCS(0))
	for id := range organisations {
		if err := run(b.Context(), e, id+1, in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	var started atomic.Int32
	b.RunParallel(func(pb *testing.PB) {
		organisation := started.Add(1)
		for pb.Next() {
			if err := run(b.Context(), e, organisation, in); err != nil {
				b.Error(err)
			}
		}
	})
	reportSpeed(b)
}

func reportSpeed(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
}
