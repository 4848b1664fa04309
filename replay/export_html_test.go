package replay_test

import (
	"bytes"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
)

// The exported file has every frame, as it was sent, and nothing that runs or loads but its own player.
func TestExportHTML(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil)
		page := livetest.Open(t, s.app, "/?q=%3Cscript%3E")
		for _, note := range []string{"a 😀 smile", "a 😁 smile", `</script><script>alert(1)</script>`, "日本", ""} {
			page.PushForm("Save", "note="+note)
			page.Push("Toggle", Toggle{})
		}
		page.Close()
		s.close()
		rec := s.one()
		var out bytes.Buffer
		if err := rec.ExportHTML(t.Context(), s.app, &out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "<script"); n != 2 {
			t.Errorf("%d script elements, want the data and the player", n)
		}
		data := regexp.MustCompile(`(?s)<script type="application/json" id="data">(.*?)</script>`).FindStringSubmatch(out.String())
		var x struct {
			Before, After string
			Frames        []struct {
				Cause, Insert string
				Keep, End     int
			}
		}
		if err := json.Unmarshal([]byte(html.UnescapeString(data[1])), &x); err != nil {
			t.Fatal(err)
		}
		if len(x.Frames) != rec.Summary.Frames || !strings.Contains(x.Before, "data:text/css;base64,") || strings.Contains(x.Before, "asset:") ||
			!strings.Contains(x.Before, "Content-Security-Policy") {
			t.Errorf("%d frames of %d, before the view: %s", len(x.Frames), rec.Summary.Frames, x.Before)
		}
		// Put together as the player does, in UTF-16.
		var last []uint16
		for i, f := range x.Frames {
			next := append(append(append([]uint16{}, last[:f.Keep]...), utf16.Encode([]rune(f.Insert))...), last[len(last)-f.End:]...)
			screen, err := rec.Screen(t.Context(), s.app, i+1)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(utf16.Decode(next)); !replay.Same([]byte(got), screen.Sent) {
				t.Errorf("frame %d is\n%s, want\n%s", i+1, got, screen.Sent)
			}
			last = next
		}
	})
}
