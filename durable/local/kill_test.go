package local

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Kill tests: a child process, which is this test binary again, writes until it kills itself at a named step. The parent
// then reads what it left. They show what is seen after a process was killed. That what is on the disk after a power
// failure is the same rests on the order of the steps, which TestSteps checks, and on fsync.

const killVariable = "LOCAL_KILL" // step:how many times it is reached:directory

// allSteps are the steps of a write, in their order.
var allSteps = []string{"create", "write", "sync", "mark", "rename", "syncDirectory", "unmark"}

var killKeys = []string{"sessions/one", "sessions/two", "t"}

// killed is the child. It says what it is about to write and what was acknowledged, on lines of their own:
//
//	try <key> <contents>
//	ack <key> <contents> <version>
func killed() {
	step, rest, _ := strings.Cut(os.Getenv(killVariable), ":")
	times, dir, _ := strings.Cut(rest, ":")
	step, inPlace := strings.CutPrefix(step, "inPlace-")
	left, _ := strconv.Atoi(times)
	b := Dir(dir)
	b.step = func(s string) error {
		if s == step {
			if left--; left == 0 {
				self, _ := os.FindProcess(os.Getpid())
				self.Kill()
				select {}
			}
		}
		return nil
	}
	ctx := context.Background()
	for i := range 1000 {
		key := killKeys[i%len(killKeys)]
		_, version, err := b.Get(ctx, key, "")
		if err != nil && version != "" {
			panic(err)
		}
		contents := strings.Repeat(strconv.Itoa(os.Getpid())+"."+strconv.Itoa(i)+".", 200+i*37%300)
		fmt.Println("try", key, contents)
		if inPlace {
			version, err = b.putInPlace(ctx, key, []byte(contents))
		} else {
			version, err = b.Put(ctx, key, []byte(contents), version)
		}
		if err != nil {
			panic(err)
		}
		fmt.Println("ack", key, contents, version)
	}
}

// putInPlace is the control: it writes into the object's file.
func (b *Bucket) putInPlace(ctx context.Context, key string, data []byte) (string, error) {
	root, err := b.ready(ctx)
	if err != nil {
		return "", err
	}
	next := nextHeader(header{}, key, data)
	name := fileName(key)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	contents := next.encode(data)
	if _, err := f.Write(contents[:len(contents)/2]); err != nil {
		return "", err
	}
	if err := b.at("write"); err != nil {
		return "", err
	}
	_, err = f.Write(contents[len(contents)/2:])
	return next.version, err
}

// killRound runs the child once and returns how many writes it acknowledged, and what was wrong with what it left.
func killRound(t *testing.T, dir, step string, times int, model map[string][2]string) (acked int, wrong []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s:%d:%s", killVariable, step, times, dir))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var tried []string
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		switch f := strings.Fields(line); f[0] {
		case "try":
			tried = f[1:]
		case "ack":
			model[f[1]] = [2]string{f[2], f[3]}
			tried = nil
			acked++
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 {
		t.Fatalf("the child was not killed: %v\n%s", err, stderr.String())
	}
	b := Dir(dir)
	for _, key := range killKeys {
		data, version, err := b.Get(t.Context(), key, "")
		old, known := model[key]
		switch {
		case err == nil && string(data) == old[0] && version == old[1]:
		case err == nil && tried != nil && tried[0] == key && string(data) == tried[1] && version != old[1]:
		case err != nil && !known && data == nil: // never written
			continue
		default:
			wrong = append(wrong, fmt.Sprintf("step %s: %s holds %.20q... of %d bytes, %q, %v", step, key, data, len(data), version, err))
			continue
		}
		// What was left can be written on.
		next, err := b.Put(t.Context(), key, data, version)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("step %s: %s cannot be written: %v", step, key, err))
		}
		model[key] = [2]string{string(data), next}
	}
	return acked, wrong
}

// TestKilled kills a writer in 70 rounds, ten at each step, at the first and at later writes of it.
func TestKilled(t *testing.T) {
	dir, model, acked := t.TempDir(), map[string][2]string{}, 0
	rounds := 0
	for i := range 10 {
		for _, step := range allSteps {
			n, wrong := killRound(t, dir, step, 1+i*i%13, model)
			acked += n
			rounds++
			for _, w := range wrong {
				t.Error(w)
			}
		}
	}
	t.Logf("rounds=%d acked=%d", rounds, acked)
	if acked < rounds {
		t.Errorf("%d writes were acknowledged in %d rounds", acked, rounds)
	}
}

// TestKilledInPlace is the control: a bucket that writes in place must be found wrong.
func TestKilledInPlace(t *testing.T) {
	found := 0
	for i := range 3 {
		_, wrong := killRound(t, t.TempDir(), "inPlace-write", 4+i, map[string][2]string{})
		found += len(wrong)
	}
	if found != 3 {
		t.Errorf("writing in place was found wrong in %d of 3 rounds", found)
	}
}

// TestKilledBeforeSync: whoever locks a key after a writer was killed between rename and sync does the sync, and only he.
func TestKilledBeforeSync(t *testing.T) {
	b := Dir(t.TempDir())
	put(t, b, "a/b", "x", "")
	mark := func() string {
		data, err := os.ReadFile(filepath.Join(b.dir, lockFile("a/b")))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if m := mark(); m[0] != 0 {
		t.Errorf("marked after a write: %q", m)
	}
	root, _ := b.ready(t.Context())
	held, err := b.lock(t.Context(), root, "a/b", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.mark(held, "a+"); err != nil {
		t.Fatal(err)
	}
	held.unlock() // as if killed
	if m := mark(); m != "\x01a+\n" {
		t.Errorf("mark %q", m)
	}
	synced := 0
	b.step = func(s string) error {
		if s == "finish" {
			synced++
		}
		return nil
	}
	for range 2 {
		if _, _, err := b.Get(t.Context(), "a/b", ""); err != nil {
			t.Fatal(err)
		}
	}
	if m := mark(); synced != 1 || m[0] != 0 {
		t.Errorf("synced %d times, mark %q", synced, m)
	}
	// A mark of which nothing is left but its first byte, or whose directory is gone, stops nobody.
	for _, m := range []string{"\x01", "\x01gone", "\x01gone\n", "\x01" + strings.Repeat("x", 5000)} {
		if err := os.WriteFile(filepath.Join(b.dir, lockFile("a/b")), []byte(m), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Get(t.Context(), "a/b", ""); err != nil {
			t.Errorf("mark %.10q: %v", m, err)
		}
	}
}
