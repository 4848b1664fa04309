package durable

// Metrics receives what a [Store] counts and measures. Its methods are called by many goroutines at once, some of which
// hold a session's lock: they must not block. Package durable/otel has one for OpenTelemetry.
type Metrics interface {
	// Add adds to a counter; to those that are marked as levels, n may be negative.
	Add(name string, n int64)
	// Observe notes one value of a distribution.
	Observe(name string, value float64)
}

// What a [Store] counts.
const (
	MetricActivations = "livelong.state.activations"   // documents brought into memory
	MetricReads       = "livelong.state.reads"         // GETs of documents, conditional ones included
	MetricWrites      = "livelong.state.writes"        // PUTs of documents, whatever became of them
	MetricConflicts   = "livelong.state.conflicts"     // PUTs that met a newer document
	MetricAdopted     = "livelong.state.adopted"       // PUTs without an answer that a later read found done
	MetricFailures    = "livelong.state.failures"      // requests that the bucket did not do
	MetricRefused     = "livelong.state.refused"       // writes of pages that were refused
	MetricEnded       = "livelong.state.ended"         // sessions found or made dead
	MetricSwept       = "livelong.state.swept"         // objects the sweep has deleted
	MetricSessions    = "livelong.state.sessions"      // level: sessions in memory
	MetricPending     = "livelong.state.pending_bytes" // level: applied and not durable
)

// What a [Store] measures.
const (
	MetricBatch   = "livelong.state.batch_ops"     // changed keys per PUT
	MetricLatency = "livelong.state.write_seconds" // from the first change of a batch to its being durable
)

type noMetrics struct{}

func (noMetrics) Add(string, int64)       {}
func (noMetrics) Observe(string, float64) {}
