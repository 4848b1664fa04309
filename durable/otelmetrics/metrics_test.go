package otelmetrics_test

import (
	"context"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/otelmetrics"
	"github.com/livelong-dev/livelong/live"
)

func TestMetrics(t *testing.T) {
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	defer provider.Shutdown(context.Background())
	metrics, err := otelmetrics.New(provider.Meter("test"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := durable.Open(durable.Options{Bucket: durabletest.NewMemory(), Metrics: metrics})
	if err != nil {
		t.Fatal(err)
	}
	h, err := st.Attach(t.Context(), live.Attachment{Session: live.StashSession{IDs: []string{"s"}}, View: "v", Page: "p", Notify: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Write([]live.StashOp{{StoredKey: live.StoredKey{Name: "a"}, Put: []byte("1")}}); err != nil {
		t.Fatal(err)
	}
	if err := h.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var found metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &found); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, scope := range found.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					got[m.Name] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					got[m.Name] += int64(p.Count)
				}
			}
		}
	}
	want := map[string]int64{
		durable.MetricReads: 1, durable.MetricWrites: 1, durable.MetricActivations: 1, durable.MetricSessions: 1,
		durable.MetricPending: 0, durable.MetricBatch: 1, durable.MetricLatency: 1,
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s is %d, want %d", name, got[name], n)
		}
	}
	h.Close()
	if err := st.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}
