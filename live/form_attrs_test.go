package live_test

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
)

func TestFormAttributes(t *testing.T) {
	for want, a := range map[string]templ.Attributer{
		` live-busy="Saving…"`:                live.Busy("Saving…"),
		` live-overwrite="3"`:                 live.Overwrite(3),
		` live-guard="Discard &#34;it&#34;?"`: live.Guard(`Discard "it"?`, false),
		` live-guard="Discard?" live-dirty`:   live.Guard("Discard?", true),
		` live-recover="Edited;c=target"`:     live.Recover(Edited{}),
		` live-recover=""`:                    live.NoRecover(),
		` live-native=""`:                     live.Native(true),
		``:                                    live.Native(false),
	} {
		var b strings.Builder
		if err := attrs(a).Render(t.Context(), &b); err != nil || b.String() != want {
			t.Errorf("%q, %v, want %q", b.String(), err, want)
		}
	}
}
