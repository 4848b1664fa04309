package live_test

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/livelong-dev/livelong/live/livetest"
)

// line is the browser's end of a connection that can break at any byte, in each direction, and in several ways.
type line struct {
	net.Conn
	in, out atomic.Int64 // bytes until it breaks
	how     atomic.Int32
	closed  chan struct{}
	once    atomic.Bool
}

// How a line breaks.
const (
	cut     = iota // both ends notice
	swallow        // neither end does: what is sent is gone
	stall          // nothing is read any more, so the server cannot go on writing
)

const whole = 1 << 40

// breaks makes the line break after so many bytes.
func (l *line) breaks(how int, in, out int64) {
	l.how.Store(int32(how))
	l.in.Store(in)
	l.out.Store(out)
}

func (l *line) Read(b []byte) (int, error) {
	for {
		left := l.in.Load()
		if left == 0 {
			switch l.how.Load() {
			case cut:
				l.Close()
				return 0, io.ErrUnexpectedEOF
			case stall:
				<-l.closed
				return 0, net.ErrClosed
			}
			left = whole
		}
		n, err := l.Conn.Read(b[:min(int64(len(b)), left)])
		if err != nil {
			return 0, err
		}
		// The line may have been fresh while this waited.
		for {
			left := l.in.Load()
			take := min(int64(n), left)
			if !l.in.CompareAndSwap(left, left-take) {
				continue
			}
			if take > 0 {
				return int(take), nil
			}
			break
		}
	}
}

func (l *line) Write(b []byte) (int, error) {
	n := min(int64(len(b)), l.out.Load())
	if n > 0 {
		if _, err := l.Conn.Write(b[:n]); err != nil {
			return 0, err
		}
		l.out.Add(-n)
	}
	if int(n) < len(b) && l.how.Load() == cut {
		l.Close()
		return int(n), io.ErrClosedPipe
	}
	return len(b), nil
}

func (l *line) Close() error {
	if !l.once.Swap(true) {
		close(l.closed)
	}
	return l.Conn.Close()
}

// lines dials through a browser, and keeps the newest line last.
type lines struct {
	*livetest.Browser
	all []*line
}

func (l *lines) newest() *line { return l.all[len(l.all)-1] }

func (l *lines) close() {
	for _, line := range l.all {
		line.Close()
	}
}

func (l *lines) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := l.Browser.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		return res, err
	}
	fresh := &line{Conn: res.Body.(net.Conn), closed: make(chan struct{})}
	fresh.breaks(cut, whole, whole)
	l.all = append(l.all, fresh)
	res.Body = fresh
	return res, nil
}
