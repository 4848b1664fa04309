// Command gateway runs a command with an S3 store to test with:
//
//	gateway -server bin/versitygw go test -tags s3server ./durable/...
//
// It starts versitygw on a free port of 127.0.0.1, over a temporary directory, creates a bucket, runs the command with the
// SDK's variables and S3_BUCKET set, and stops the server. If AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is set, the store
// there is used instead, as it is; if S3_BUCKET is set too, no bucket is created.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/livelong-dev/livelong/durable/s3"
)

func main() {
	server := flag.String("server", "versitygw", "the versitygw to start")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *server, flag.Args())
	stop()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	case err != nil:
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, server string, command []string) (err error) {
	if len(command) == 0 {
		return errors.New("no command was given")
	}
	if os.Getenv("AWS_ENDPOINT_URL") == "" && os.Getenv("AWS_ENDPOINT_URL_S3") == "" {
		g, err := start(ctx, server)
		if err != nil {
			return err
		}
		defer g.stop()
	}
	if os.Getenv("S3_BUCKET") == "" {
		name := "livelong-test-" + strings.ToLower(rand.Text())
		client, err := s3.NewClient(ctx, s3.ClientOptions{})
		if err != nil {
			return err
		}
		if _, err := client.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: &name}); err != nil {
			return err
		}
		defer client.DeleteBucket(context.WithoutCancel(ctx), &awss3.DeleteBucketInput{Bucket: &name})
		os.Setenv("S3_BUCKET", name)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// gateway is a running server.
type gateway struct {
	cmd   *exec.Cmd
	dir   string
	ended chan struct{}
	log   tail
}

// start starts the server, and returns once it answers, with the SDK's variables set.
func start(ctx context.Context, server string) (*gateway, error) {
	dir, err := os.MkdirTemp("", "gateway-")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	key, secret := rand.Text(), rand.Text()
	g := &gateway{dir: dir, ended: make(chan struct{})}
	g.cmd = exec.Command(server, "--quiet", "--health", "/health", "--port", address, "posix", dir)
	g.cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+key, "ROOT_SECRET_KEY="+secret)
	g.cmd.Stdout, g.cmd.Stderr = &g.log, &g.log
	if err := g.cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	go func() {
		g.cmd.Wait()
		close(g.ended)
	}()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://" + address, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
	} {
		os.Setenv(name, value)
	}
	if err := g.ready(ctx, "http://"+address+"/health"); err != nil {
		g.stop()
		return nil, fmt.Errorf("start %s: %w\n%s", server, err, g.log.String())
	}
	return g, nil
}

// ready waits until the server answers, for half a minute at most.
func (g *gateway) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-g.ended:
			return fmt.Errorf("it ended: %v", g.cmd.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (g *gateway) stop() {
	g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.ended:
	case <-time.After(10 * time.Second):
		g.cmd.Process.Kill()
		<-g.ended
	}
	os.RemoveAll(g.dir)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// tail is what the server wrote last.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buf.Len() > 64<<10 {
		t.buf.Reset()
	}
	return t.buf.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
