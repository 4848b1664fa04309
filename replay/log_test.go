package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

func TestLogLinesLeadToTheirFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		var lines bytes.Buffer
		logger := slog.New(replay.LogHandler(slog.NewTextHandler(&locked{w: &lines}, nil))).With("app", "desk").WithGroup("order")
		link := ""
		live.Handle(s.app, "GET /logging", func(*http.Request) (*logging, error) {
			return &logging{log: func(ctx context.Context) {
				logger.WarnContext(ctx, "sold out", "item", 7, "password", "s3cret-1")
				link = replay.Link(ctx, "/replay/")
			}}, nil
		})
		page := livetest.Open(t, s.app, "/logging")
		page.Push("Add", Add{By: 1})
		page.Push("Add", Add{By: 1})
		page.Close()
		s.close()
		sum := s.one().Summary
		want := fmt.Sprintf("msg=\"sold out\" app=desk order.item=7 order.password=s3cret-1 order.recording=%s order.frame=2", sum.ID)
		if !strings.Contains(lines.String(), want) || link != replay.FramePath("/replay/", sum.ID, 2) {
			t.Errorf("link %s, lines\n%swant\n%s", link, lines.String(), want)
		}
		var logged []replay.Log
		for x, err := range s.one().Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Log != nil {
				logged = append(logged, *x.Log)
			}
		}
		if len(logged) != 2 || fmt.Sprint(logged[0]) != "{4 sold out [{app desk} {order.item 7} {order.password [redacted]}]}" {
			t.Errorf("taken down: %v", logged)
		}
	})
}

// A page that writes log lines without end is not recorded without end.
func TestLogLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *replay.Options) { o.MaxEvents = 10 })
		logger := slog.New(replay.LogHandler(slog.NewTextHandler(io.Discard, nil)))
		live.Handle(s.app, "GET /logging", func(*http.Request) (*logging, error) {
			return &logging{log: func(ctx context.Context) {
				for i := range 7 {
					logger.InfoContext(ctx, "line", "i", i)
				}
			}}, nil
		})
		page := livetest.Open(t, s.app, "/logging")
		for range 4 {
			page.Push("Add", Add{By: 1})
		}
		if got := page.Text("p"); got != "4" {
			t.Errorf("the page shows %s", got)
		}
		page.Close()
		s.close()
		lines := 0
		for x, err := range s.one().Entries(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if x.Log != nil {
				lines++
			}
		}
		if sum := s.one().Summary; lines != 10 || sum.Exit != replay.ExitTruncated {
			t.Errorf("%d lines, %+v", lines, sum)
		}
	})
}

type logging struct {
	N   int
	log func(context.Context)
}

func (*logging) Events() []live.Handler { return []live.Handler{live.On((*logging).Add)} }
func (l *logging) Add(ctx context.Context, _ *live.Socket, e Add) error {
	l.N += e.By
	l.log(ctx)
	return nil
}
func (l logging) Render() templ.Component { return text("<p>" + strconv.Itoa(l.N) + "</p>") }
