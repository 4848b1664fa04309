package durable_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/live"
)

// guest counts a browser's visits.
type guest struct {
	N int `stored:"session"`
}

func (v guest) Render() templ.Component { return templ.Raw(fmt.Sprintf("visit %d", v.N)) }

// In a program, the bucket is local.Dir or s3.New, and app.Run closes the store when it stops.
func ExampleOpen() {
	state, err := durable.Open(durable.Options{Bucket: durabletest.NewMemory(), TTL: 7 * 24 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer state.Close(context.Background())
	app := live.New(live.Options{Secrets: [][]byte{[]byte("thirty-two random bytes of yours")}, Stash: state})
	live.Handle(app, "GET /{$}", func(*http.Request) (*guest, error) { return &guest{N: 1}, nil })

	page := httptest.NewRecorder()
	app.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(page.Code)
	// Output: 200
}

// forgetful is a bucket that takes every write, whatever version was asked for.
type forgetful struct{ *durabletest.Memory }

func (f forgetful) Put(ctx context.Context, key string, data []byte, _ string) (string, error) {
	_, version, _ := f.Get(ctx, key, "")
	return f.Memory.Put(ctx, key, data, version)
}

// A bucket that does not keep its conditions is refused: two servers would overwrite each other's sessions.
func ExampleOpen_conditions() {
	_, err := durable.Open(durable.Options{Bucket: forgetful{durabletest.NewMemory()}})
	fmt.Println(err)
	// Output: durable.Open: probe the bucket: it ignores the condition that an object must not exist (the write was done): two servers would overwrite each other's sessions
}
