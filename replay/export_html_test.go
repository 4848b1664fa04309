package replay_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
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
		if text := out.String(); !strings.Contains(text, ` sandbox title=`) || !strings.Contains(text, `content="default-src 'none'; script-src 'nonce-`) ||
			!strings.Contains(text, `frame-src 'none'`) || strings.Contains(text, "unsafe-eval") || strings.Contains(text, "allow-") {
			t.Errorf("the page of the recording is not shut in: %.1000s", text)
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

// What a forged recording says of its assets cannot make the file as large as it likes.
func TestExportIsBounded(t *testing.T) {
	ctx := t.Context()
	archive := &replaytest.Memory{}
	picture, err := replay.PutAsset(ctx, archive, bytes.Repeat([]byte("x"), 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	style, err := replay.PutAsset(ctx, archive, []byte(strings.Repeat(`p{background:url("asset:`+picture+`")}`, 20_000)))
	if err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(replay.Shell{Document: `<html><head><link rel="stylesheet" href="asset:` + style + `"></head><body>` + live.DocumentBody + `</body></html>`,
		URLs: map[string]replay.ShellAsset{"/a.css": {Name: style, Kind: "text/css"}, "/b.png": {Name: picture, Kind: "image/png"}}})
	if err != nil {
		t.Fatal(err)
	}
	shell, err := replay.PutAsset(ctx, archive, document)
	if err != nil {
		t.Fatal(err)
	}
	f := &form{}
	e := encoder(t, replay.EncoderOptions{})
	s := session{id: replay.NewID()}
	s.summary = replay.Summary{ID: s.id, Document: shell, Assets: []string{shell, style, picture}, Segments: 1}
	for _, x := range []replay.Entry{f.mount(), f.typed(time.Second, "a", 2)} {
		add(t, e, x)
		s.summary.Count(&x)
	}
	sealer, err := replay.NewSealer(s.id)
	if err != nil {
		t.Fatal(err)
	}
	segment, err := sealer.Seal(e.Cut())
	if err != nil {
		t.Fatal(err)
	}
	s.objects = []replay.Segment{segment}
	s.summary.Hash, s.summary.Bytes = fmt.Sprintf("%x", segment.Data[len(segment.Data)-32:]), int64(len(segment.Data))
	s.store(t, archive)
	rec := open(t, archive, s.id)
	var out bytes.Buffer
	if err := rec.ExportHTML(ctx, nil, &out); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 64<<20 {
		t.Errorf("%d bytes", out.Len())
	}
	if !strings.Contains(out.String(), "data:text/css;base64,") {
		t.Error("the stylesheet is not there")
	}
}
