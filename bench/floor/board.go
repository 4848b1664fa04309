package main

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/bench/pages"
)

// board is one table for all who look at it: each change is written once and sent to every connection by a goroutine of
// its own, so that none waits for a slow one.
type board struct {
	mu    sync.Mutex
	dash  *pages.Dash
	conns map[chan []byte]struct{}
}

func newBoard() *board { return &board{dash: pages.NewDash(), conns: map[chan []byte]struct{}{}} }

func (b *board) publish(http.ResponseWriter, *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	frame := []byte{'['}
	for i, c := range b.dash.Tick() {
		if i > 0 {
			frame = append(frame, ',')
		}
		frame = append(strconv.AppendInt(append(frame, '['), int64(c.Row), 10), ',')
		frame = append(strconv.AppendInt(frame, int64(c.Col), 10), ',')
		frame = append(strconv.AppendQuote(frame, b.dash.Rows[c.Row].Cell(c.Col)), ']')
	}
	frame = append(frame, ']')
	for ch := range b.conns {
		select {
		case ch <- frame:
		default: // it is slow, and would have to load the page again
		}
	}
}

func (b *board) serve(w http.ResponseWriter, r *http.Request) {
	ch := make(chan []byte, 16)
	b.mu.Lock()
	b.conns[ch] = struct{}{} // before the browser can believe that it is connected
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		delete(b.conns, ch)
		b.mu.Unlock()
	}()
	c, err := websocket.Accept(w, r, opts)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := c.CloseRead(r.Context())
	for {
		select {
		case frame := <-ch:
			if c.Write(ctx, websocket.MessageText, frame) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
