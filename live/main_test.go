package live_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/livelong-dev/livelong/live"
	. "github.com/livelong-dev/livelong/live/internal/testviews"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	code := m.Run()
	if err := goleak.Find(); err != nil {
		io.WriteString(os.Stderr, err.Error()+"\n")
		code = max(code, 1)
	}
	os.Exit(code)
}

var secret = []byte("a secret for tests, 32 bytes long")

// newApp serves a Counter at / and at /other.
func newApp(change ...func(*live.Options)) *live.App {
	o := live.Options{Secrets: [][]byte{secret}}
	for _, f := range change {
		f(&o)
	}
	app := live.New(o)
	for _, pattern := range []string{"GET /{$}", "GET /other"} {
		live.Handle(app, pattern, func(*http.Request) (*Counter, error) { return &Counter{Name: "one"}, nil })
	}
	return app
}
