package live

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
)

type hijackable struct {
	*httptest.ResponseRecorder
	conn net.Conn
	rw   *bufio.ReadWriter
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.conn, h.rw, nil }

// A browser that is quick has its first frame in net/http's buffer before the connection is taken over.
func TestHijackKeepsWhatCameEarly(t *testing.T) {
	for _, early := range []string{"", "join", strings.Repeat("x", 3*readBuffer)} {
		here, there := net.Pipe()
		go func() {
			io.WriteString(there, early)
			io.WriteString(there, " and more")
			there.Close()
		}()
		rw := bufio.NewReadWriter(bufio.NewReader(here), bufio.NewWriter(here))
		if early != "" {
			if _, err := rw.Peek(len(early)); err != nil {
				t.Fatal(err)
			}
		}
		_, slim, err := (&slimHijacker{ResponseWriter: hijackable{httptest.NewRecorder(), here, rw}}).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		if got := slim.Reader.Buffered(); got != len(early) {
			t.Errorf("%d bytes buffered, want %d", got, len(early))
		}
		got, err := io.ReadAll(slim)
		if err != nil || string(got) != early+" and more" {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(early)+9)
		}
	}
}
