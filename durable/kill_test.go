package durable_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/durable/local"
	"github.com/livelong-dev/livelong/durable/s3"
	"github.com/livelong-dev/livelong/live"
)

// What a child of the kill tests is told.
const (
	childBucket = "LIVELONG_TEST_BUCKET" // see openBucket
	childStep   = "LIVELONG_TEST_STEP"   // the step at which it kills itself, and how often it passes before
)

// killSteps are the places in a write's way at which a child kills itself.
var killSteps = []string{"at random", "before get", "after get", "before put", "after put", "after the acknowledgement"}

const childSessions = 4

// child counts in a few sessions and prints each acknowledged count, until it is killed.
func child(bucket string) error {
	step, pass, _ := strings.Cut(os.Getenv(childStep), ":")
	left := atomic.Int64{}
	n, _ := strconv.Atoi(pass)
	left.Store(int64(n))
	reached := func(name string) {
		if name == step && left.Add(-1) < 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	b, err := openBucket(bucket)
	if err != nil {
		return err
	}
	var started atomic.Bool
	faulty := durabletest.NewFaulty(b, durabletest.FaultyOptions{
		Before: func(_ context.Context, r durabletest.Request) error {
			if started.Load() {
				reached("before " + r.Op.String())
			}
			return nil
		},
		After: func(_ context.Context, r durabletest.Request, _ error) error {
			if started.Load() {
				reached("after " + r.Op.String())
			}
			return nil
		},
	})
	st, err := durable.Open(durable.Options{Bucket: faulty, CommitEvery: -1, SweepEvery: -1})
	if err != nil {
		return err
	}
	started.Store(true)
	var wg sync.WaitGroup
	for i := range childSessions {
		wg.Go(func() {
			name := fmt.Sprint("session", i)
			h, err := st.Attach(context.Background(), live.Attachment{Session: ids(name), View: "view", Page: "page", Back: true, Notify: func() {}})
			if err != nil {
				fmt.Printf("error %v\n", err)
				return
			}
			n, note := 0, -1
			for _, v := range h.Take().Values {
				into := map[string]*int{"count": &n, "note": &note}[v.Name]
				*into, _ = strconv.Atoi(string(v.Raw))
			}
			if note != n-1 {
				fmt.Printf("error %s: half a write is stored: count %d, note %d\n", name, n, note)
			}
			fmt.Printf("found %s %d\n", name, n)
			for {
				if _, err := h.Write([]live.StashOp{add(view("count"), 1), put(draft("note"), strconv.Itoa(n))}); err != nil {
					fmt.Printf("error %v\n", err)
					return
				}
				if err := h.Flush(context.Background()); err != nil {
					fmt.Printf("error %v\n", err)
					return
				}
				n++
				fmt.Printf("acked %s %d\n", name, n)
				reached("after the acknowledgement")
			}
		})
	}
	wg.Wait()
	return nil
}

// openBucket opens local:DIR, or s3:BUCKET/PREFIX of the store that the SDK's variables name.
func openBucket(name string) (durable.Bucket, error) {
	kind, where, _ := strings.Cut(name, ":")
	switch kind {
	case "local":
		return local.Dir(where), nil
	case "s3":
		client, err := s3.NewClient(context.Background(), s3.ClientOptions{})
		if err != nil {
			return nil, err
		}
		bucket, prefix, _ := strings.Cut(where, "/")
		return s3.New(client, bucket, s3.Options{Prefix: prefix}), nil
	}
	return nil, fmt.Errorf("no bucket is called %q", name)
}

// killer kills children that work on one bucket, one after the other, and follows what they acknowledge.
type killer struct {
	t      *testing.T
	bucket string
	counts map[string]int // by session, the newest acknowledged or found
	acked  int
}

// A process that is killed at any step loses nothing that was acknowledged, and does nothing twice.
func TestKill(t *testing.T) {
	for name, bucket := range map[string]func(*testing.T) string{
		"local": func(t *testing.T) string { return "local:" + t.TempDir() },
		"s3":    fakeS3,
	} {
		t.Run(name, func(t *testing.T) { kill(t, bucket(t), rounds(300)) })
	}
}

// kill kills children that write to a bucket, so many times.
func kill(t *testing.T, bucket string, rounds int) {
	k := &killer{t: t, bucket: bucket, counts: map[string]int{}}
	k.run(rounds)
}

// fakeS3 serves a store in memory, which outlives the children, and returns a bucket there.
func fakeS3(t *testing.T) string {
	t.Helper()
	const name = "kill"
	backend := s3mem.New()
	if err := backend.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(server.Close)
	for variable, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ENDPOINT_URL_S3": server.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		"AWS_CONFIG_FILE": t.TempDir() + "/none", "AWS_SHARED_CREDENTIALS_FILE": t.TempDir() + "/none",
	} {
		t.Setenv(variable, value)
	}
	return "s3:" + name + "/state/"
}

func (k *killer) run(rounds int) {
	killed := map[string]int{}
	for round := range rounds {
		step := killSteps[round%len(killSteps)]
		k.round(step)
		if k.t.Failed() {
			k.t.Fatalf("in round %d, killed %s", round, step)
		}
		killed[step]++
	}
	k.t.Logf("%d kills %v: acked=%d, lost=0, done twice=0", rounds, killed, k.acked)
	if k.acked < rounds {
		k.t.Errorf("only %d writes were acknowledged", k.acked)
	}
}

// round runs a child until it is dead.
func (k *killer) round(step string) {
	pass := rand.IntN(30)
	if step == "before get" || step == "after get" {
		pass = rand.IntN(childSessions) // there is only one per mount
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childBucket+"="+k.bucket, childStep+"="+step+":"+strconv.Itoa(pass))
	out, err := cmd.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	overdue := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	lines := bufio.NewReader(out)
	for i := 0; ; i++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // killed
		}
		k.line(line)
		if step == "at random" && i >= pass {
			cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	if !overdue.Stop() {
		k.t.Errorf("the child came to nothing: %s", errs.String())
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		k.t.Errorf("the child ended with %v: %s", err, errs.String())
	}
}

// line is what a child says.
func (k *killer) line(line string) {
	var what, session string
	var count int
	if n, err := fmt.Sscan(line, &what, &session, &count); n != 3 || what != "found" && what != "acked" {
		k.t.Errorf("the child says %q: %v", line, err)
		return
	}
	before := k.counts[session]
	switch {
	case what == "acked":
		k.acked++
		if count != before+1 {
			k.t.Errorf("%s: %d is acknowledged after %d", session, count, before)
		}
	case count < before:
		k.t.Errorf("%s: %d was acknowledged, %d is found: lost", session, before, count)
	case count > before+1: // one may have landed before its acknowledgement was read
		k.t.Errorf("%s: %d was acknowledged, %d is found: done twice", session, before, count)
	}
	k.counts[session] = count
}
