// Package otelmetrics hands what a durable.Store counts and measures to OpenTelemetry.
//
//	metrics, err := otelmetrics.New(otel.Meter("my-app"))
//	if err != nil {
//		return err
//	}
//	state, err := durable.Open(durable.Options{Bucket: bucket, Metrics: metrics})
package otelmetrics

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/livelong-dev/livelong/durable"
)

// counters are the store's counters, levels what goes up and down, histograms what it measures, with their units.
var (
	counters = map[string]string{
		durable.MetricActivations: "{document}", durable.MetricReads: "{request}", durable.MetricWrites: "{request}",
		durable.MetricConflicts: "{request}", durable.MetricAdopted: "{request}", durable.MetricFailures: "{request}",
		durable.MetricRefused: "{write}", durable.MetricEnded: "{session}", durable.MetricSwept: "{object}",
	}
	levels     = map[string]string{durable.MetricSessions: "{session}", durable.MetricPending: "By"}
	histograms = map[string]string{durable.MetricBatch: "{change}", durable.MetricLatency: "s"}
)

// metrics is a durable.Metrics on instruments of OpenTelemetry.
type metrics struct {
	counters   map[string]metric.Int64Counter
	levels     map[string]metric.Int64UpDownCounter
	histograms map[string]metric.Float64Histogram
}

// New makes an instrument of m for each metric of a store. The instruments carry the metrics' own names.
func New(m metric.Meter) (durable.Metrics, error) {
	all := &metrics{map[string]metric.Int64Counter{}, map[string]metric.Int64UpDownCounter{}, map[string]metric.Float64Histogram{}}
	var err error
	for name, unit := range counters {
		if all.counters[name], err = m.Int64Counter(name, metric.WithUnit(unit)); err != nil {
			return nil, fmt.Errorf("make the instrument %s: %w", name, err)
		}
	}
	for name, unit := range levels {
		if all.levels[name], err = m.Int64UpDownCounter(name, metric.WithUnit(unit)); err != nil {
			return nil, fmt.Errorf("make the instrument %s: %w", name, err)
		}
	}
	for name, unit := range histograms {
		if all.histograms[name], err = m.Float64Histogram(name, metric.WithUnit(unit)); err != nil {
			return nil, fmt.Errorf("make the instrument %s: %w", name, err)
		}
	}
	return all, nil
}

// Add implements [durable.Metrics].
func (m *metrics) Add(name string, n int64) {
	if c, ok := m.counters[name]; ok {
		c.Add(context.Background(), n)
	} else if l, ok := m.levels[name]; ok {
		l.Add(context.Background(), n)
	}
}

// Observe implements [durable.Metrics].
func (m *metrics) Observe(name string, value float64) {
	if h, ok := m.histograms[name]; ok {
		h.Record(context.Background(), value)
	}
}
