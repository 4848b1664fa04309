package sqlarchive_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopServer()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// server is a PostgreSQL server of these tests alone: it listens on a socket in a directory of its own, and nowhere else.
type server struct {
	dir     string
	process *exec.Cmd
	closed  chan struct{} // its output has ended
}

var running *server

var startServer = sync.OnceValues(func() (*server, error) {
	s, err := newServer()
	running = s
	return s, err
})

func stopServer() {
	if running == nil {
		return
	}
	running.process.Process.Signal(syscall.SIGQUIT) // at once; nothing of it is needed any more
	<-running.closed
	running.process.Wait()
	os.RemoveAll(running.dir)
}

// binary finds a program of the server, as Debian installs it or on the path.
func binary(name string) (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("there is no %s: these tests need a PostgreSQL server; install the package postgresql, as make test does: %w", name, err)
	}
	return path, nil
}

func versionOf(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func newServer() (*server, error) {
	initdb, err := binary("initdb")
	if err != nil {
		return nil, err
	}
	program, err := binary("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // a short name: that of a socket has at most 107 bytes
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, closed: make(chan struct{})}
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // the server refuses to run as root
		if attributes.Credential, err = unprivileged(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, int(attributes.Credential.Uid), int(attributes.Credential.Gid)); err != nil {
			return nil, err
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.Dir, c.SysProcAttr, c.Env = dir, attributes, []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir}
		return c
	}
	if out, err := command(initdb, "-D", dir+"/data", "-A", "trust", "-U", "test", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s.process = command(program, "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100")
	output, err := s.process.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() {
		defer close(s.closed)
		var log bytes.Buffer
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if log.WriteString(lines.Text() + "\n"); strings.Contains(lines.Text(), "ready to accept connections") {
				ready <- nil
			}
		}
		select {
		case ready <- errors.New("the server has ended:\n" + log.String()):
		default:
		}
	}()
	return s, <-ready
}

// unprivileged returns a user to run the server as.
func unprivileged() (*syscall.Credential, error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err, err2)
}

// openPostgres returns a new, empty database.
func openPostgres(t testing.TB) *sql.DB {
	t.Helper()
	s, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	open := func(name string) *sql.DB {
		db, err := sql.Open("pgx", "postgres:///"+name+"?user=test&host="+url.QueryEscape(s.dir))
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(20)
		return db
	}
	admin := open("postgres")
	defer admin.Close()
	name := fmt.Sprintf("test%d", databases.next())
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	db := open(name)
	t.Cleanup(func() { db.Close() })
	return db
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n
}

var databases counter

// openSQLite returns a new, empty database.
func openSQLite(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/replay.db?_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(off)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
