package live_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/internal/wire"
	"github.com/livelong-dev/livelong/live/livetest"
)

// A page is changed a thousand times in ten seconds. It is rendered as often as its browser takes a frame, and what
// the server keeps for it is bounded.
func TestSlowBrowser(t *testing.T) {
	tests := []struct {
		name   string
		every  time.Duration // a frame is read; 0: none is
		size   int           // of a change
		frames int           // at most
	}{
		{"that reads nothing", 0, 10, 1},
		{"that reads nothing of large changes", 0, 40 << 10, 1},
		{"that reads a frame each 100 ms", 100 * time.Millisecond, 1000, 101},
		{"that reads a large frame each 100 ms", 100 * time.Millisecond, 40 << 10, 101},
		{"that reads a frame each second", time.Second, 1000, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var socket *live.Socket
				k := &kit{note: func(_ *live.Socket, p *puppet, n Note) error { p.Text = n.Text; return nil }}
				k.mount = func(_ context.Context, s *live.Socket, _ *puppet) error { socket = s; return nil }
				draws := 0
				drawPuppet = func(p puppet) string { draws++; return "<p>" + p.Text + "</p>" }
				t.Cleanup(func() { drawPuppet = nil })
				app := newPuppets(k)
				b := livetest.NewBrowser(t, app)
				live.StopChecking(app)
				p := newTab(t, b, "/puppet")
				if j := p.join(); j.How != wire.Adopt {
					t.Fatalf("joined by %s", j.How)
				}
				p.ws.SetReadLimit(-1)
				synctest.Wait()
				draws = 0
				stop := make(chan struct{})
				var reader sync.WaitGroup
				if tt.every > 0 {
					reader.Go(func() {
						for {
							select {
							case <-stop:
								return
							case <-time.After(tt.every):
							}
							p.read()
						}
					})
				}
				var kept, waiting int
				text := ""
				for i := range 1000 {
					text = fmt.Sprint(i, " ", strings.Repeat("x", tt.size))
					if err := socket.Send(Note{text}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Millisecond)
					k, w := live.Kept(app)
					kept, waiting = max(kept, k), max(waiting, w)
				}
				synctest.Wait()
				close(stop)
				reader.Wait()
				synctest.Wait()
				rendered := draws
				t.Logf("1000 changes of %d B: %d frames read, %d renderings, at most %d B kept and %d B waiting", tt.size, p.k, rendered, kept, waiting)
				if p.k > tt.frames || rendered > p.k+2 {
					t.Errorf("%d frames and %d renderings, want at most %d frames and two renderings more than frames", p.k, rendered, tt.frames)
				}
				if kept > 64<<10 {
					t.Errorf("%d B of frames kept, want at most 64 KiB", kept)
				}
				if tt.every == 0 {
					// The socket is closed, and what the browser has not seen comes with the resume.
					time.Sleep(31 * time.Second)
					synctest.Wait()
					if j := p.join(); j.How != wire.Resume {
						t.Errorf("joined by %s", j.How)
					}
				}
				p.ws.SetReadLimit(-1)
				var last wire.Down
				for last = p.read(); !strings.Contains(string(last.Patch), fmt.Sprint(`"`, text, `"`)) && last.Extra.HTML == nil; {
					last = p.read()
				}
				if html := last.Extra.HTML; html != nil && *html != "<p>"+text+"</p>" {
					t.Errorf("the page shows %.100s", *html)
				}
			})
		})
	}
}
