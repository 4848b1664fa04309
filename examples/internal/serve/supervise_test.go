package serve

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/live"
)

// TestMain is an example's main function where a test has started it.
func TestMain(m *testing.M) {
	if os.Getenv("SERVE_AN_EXAMPLE") != "" {
		Main(func(c Config) (*live.App, error) { return live.New(live.Options{Secrets: c.Secrets, Dev: c.Dev}), nil })
		return
	}
	os.Exit(m.Run())
}

// Who stops development with kill -9, as the guide says, can start it again.
func TestAServerEndsWithItsSupervisor(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-addr", "localhost:0", "-data", t.TempDir(), "-dev")
	cmd.Env = append(os.Environ(), "SERVE_AN_EXAMPLE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(strings.TrimSpace(strings.TrimPrefix(line, "listening on "))) // the server answers
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { // the server holds the other end
		_, err := io.Copy(io.Discard, lines)
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(15 * time.Second):
		t.Error("the server goes on")
	}
	_ = cmd.Wait()
}
