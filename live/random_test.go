package live_test

import (
	"fmt"
	"html"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// What the page shows stays what its state says, whatever happens to its connection and however long it idles.
func TestRandomLives(t *testing.T) {
	for range 12 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { liveAtRandom(t, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func liveAtRandom(t *testing.T, random *rand.Rand) {
	k := &kit{pull: func(s *live.Socket, p *puppet, e Pull) error {
		switch kind, value, _ := strings.Cut(e.What, "="); kind {
		case "draft":
			p.Draft = value
		case "text":
			p.Text = value
		case "body":
			p.Body = value
		case "later":
			s.After(30*time.Second, Note{"+"})
		case "panic":
			panic("at random")
		}
		return nil
	}}
	app := newPuppets(k, func(o *live.Options) { o.Silence = time.Hour })
	page := livetest.Open(t, app, "/puppet")
	var want puppet
	connected, crashed := true, time.Now().Add(-time.Hour)
	var steps []string
	push := func(what string, by int) {
		if !connected {
			page.Connect()
			connected = true
			if page.Joined() == "mount" {
				want.Text, want.Body = "", ""
			}
		}
		page.Push("Pull", Pull{What: what, By: by})
	}
	for range 60 {
		step := random.IntN(11)
		steps = append(steps, fmt.Sprint(step))
		switch step {
		case 0, 1:
			push("", 1)
			want.N++
		case 2:
			want.Draft = fmt.Sprint("<", len(steps), ">")
			push("draft="+want.Draft, 0)
		case 3:
			push(fmt.Sprint("text=", len(steps)), 0)
			want.Text = fmt.Sprint(len(steps))
		case 4:
			var list strings.Builder
			for _, i := range random.Perm(6)[:random.IntN(6)] {
				fmt.Fprintf(&list, `<u id="u%d">%d</u>`, i, i)
			}
			push("body="+list.String(), 0)
			want.Body = list.String()
		case 5:
			page.Drop()
			connected = false
		case 6:
			push("", 0)
		case 7:
			if connected {
				page.Confirm()
			}
		case 8:
			push("later", 0)
			page.Sleep(31 * time.Second)
			want.Text += "+"
		case 9:
			page.Sleep(time.Duration(random.IntN(100)) * time.Second)
		case 10:
			if time.Since(crashed) < 2*time.Minute {
				continue
			}
			push("panic", 1000)
			page.Sleep(time.Second)
			if page.Error() == "" {
				t.Error("a panic was not shown")
			}
			crashed = time.Now()
			want.Text, want.Body = "", ""
		}
		page.Sleep(0)
		if !connected {
			continue
		}
		got := page.HTML("")
		if whole := fmt.Sprintf(`<b id="n">%d</b><i id="draft">%s</i><p id="text">%s</p><div>%s</div>`, want.N, html.EscapeString(want.Draft), want.Text, want.Body); got != whole {
			t.Fatalf("after the steps %s the page shows\n%s, want\n%s", strings.Join(steps, " "), got, whole)
		}
	}
}
