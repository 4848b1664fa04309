// Command floor is the hand-written reference: templ for the first load, and the
// smallest sensible JSON patch per event made by the handler itself (no diffing).
// dashfull is the opposite end: every event renders the table again and sends it whole.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/a-h/templ"
	"github.com/coder/websocket"

	"github.com/livelong-dev/livelong/bench/floor/views"
	"github.com/livelong-dev/livelong/bench/pages"
)

func main() {
	mux := http.NewServeMux()
	page := func(f func() templ.Component) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			views.Layout(f()).Render(r.Context(), w)
		}
	}
	mux.Handle("GET /counter", page(func() templ.Component { return views.Counter(0) }))
	mux.Handle("GET /dash", page(func() templ.Component { return views.Dash(pages.NewDash().Rows) }))
	mux.Handle("GET /dashfull", page(func() templ.Component { return views.Dash(pages.NewDash().Rows) }))
	b := newBoard()
	mux.Handle("GET /board", page(func() templ.Component { return views.Dash(pages.NewDash().Rows) }))
	mux.HandleFunc("GET /ws/board", b.serve)
	mux.HandleFunc("POST /__publish/", b.publish)
	mux.HandleFunc("GET /__gc", pages.GC)
	mux.HandleFunc("GET /ws/counter", ws(func() func(ev []byte, out *bytes.Buffer) {
		n := 0
		return func(ev []byte, out *bytes.Buffer) {
			n++
			out.WriteString(`[["count","`)
			out.WriteString(strconv.Itoa(n))
			out.WriteString(`"]]`)
		}
	}))
	mux.HandleFunc("GET /ws/dash", ws(func() func(ev []byte, out *bytes.Buffer) {
		d := pages.NewDash()
		return func(ev []byte, out *bytes.Buffer) {
			switch string(ev) {
			case "tick":
				cells := d.Tick()
				out.WriteByte('[')
				for i, c := range cells {
					if i > 0 {
						out.WriteByte(',')
					}
					out.WriteByte('[')
					out.Write(strconv.AppendInt(out.AvailableBuffer(), int64(c.Row), 10))
					out.WriteByte(',')
					out.Write(strconv.AppendInt(out.AvailableBuffer(), int64(c.Col), 10))
					out.WriteByte(',')
					out.Write(strconv.AppendQuote(out.AvailableBuffer(), d.Rows[c.Row].Cell(c.Col)))
					out.WriteByte(']')
				}
				out.WriteByte(']')
			case "sort":
				b, _ := json.Marshal(d.Sort())
				out.Write(b)
			case "prepend":
				d.Prepend()
				out.WriteString(`{"top":[`)
				for i := range 10 {
					if i > 0 {
						out.WriteByte(',')
					}
					r := &d.Rows[i]
					b, _ := json.Marshal([6]string{r.Cell(0), r.Name, r.Price, r.Change, r.Volume, r.Status})
					out.Write(b)
				}
				out.WriteString(`],"drop":10}`)
			}
		}
	}))
	mux.HandleFunc("GET /ws/dashfull", ws(func() func(ev []byte, out *bytes.Buffer) {
		d := pages.NewDash()
		return func(ev []byte, out *bytes.Buffer) {
			switch string(ev) {
			case "tick":
				d.Tick()
			case "sort":
				d.Sort()
			case "prepend":
				d.Prepend()
			}
			views.Table(d.Rows).Render(context.Background(), out)
		}
	}))
	// The bare echo: the limit of the library and the machine.
	mux.HandleFunc("GET /ws/echo", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, opts)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			t, b, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), t, b); err != nil {
				return
			}
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}

var opts = &websocket.AcceptOptions{CompressionMode: websocket.CompressionContextTakeover}

// ws runs one session per connection; the state lives in the closure.
func ws(mount func() func(ev []byte, out *bytes.Buffer)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, opts)
		if err != nil {
			return
		}
		defer c.CloseNow()
		ctx := r.Context()
		handle := mount()
		var in struct {
			E string `json:"e"`
		}
		var out bytes.Buffer
		for {
			_, b, err := c.Read(ctx)
			if err != nil {
				return
			}
			if json.Unmarshal(b, &in) != nil {
				return
			}
			out.Reset()
			handle([]byte(in.E), &out)
			if err := c.Write(ctx, websocket.MessageText, out.Bytes()); err != nil {
				return
			}
		}
	}
}
