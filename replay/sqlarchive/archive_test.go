package sqlarchive_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
	"github.com/livelong-dev/livelong/replay"
	"github.com/livelong-dev/livelong/replay/replaytest"
	"github.com/livelong-dev/livelong/replay/sqlarchive"
)

// eachDatabase runs a test on PostgreSQL and on SQLite, each new and migrated.
func eachDatabase(t *testing.T, test func(t *testing.T, db *sql.DB)) {
	for name, open := range map[string]func(testing.TB) *sql.DB{"postgres": openPostgres, "sqlite": openSQLite} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			if err := sqlarchive.Migrate(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			test(t, db)
		})
	}
}

func TestArchive(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *sql.DB) {
		replaytest.TestArchive(t, func(*testing.T) replay.Archive { return sqlarchive.New(db) })
	})
}

// TestBucket runs the suite of buckets, whose contract is that of archives, with its races.
func TestBucket(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *sql.DB) {
		durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return sqlarchive.New(db) })
	})
}

func TestMigrate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *sql.DB) {
		a := sqlarchive.New(db)
		if _, err := a.Put(t.Context(), "assets/x", []byte("kept"), ""); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := sqlarchive.Migrate(context.Background(), db); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM livelong_replay_migrations").Scan(&n); err != nil || n != 2 {
			t.Errorf("%d migrations %v", n, err)
		}
		if data, _, err := a.Get(t.Context(), "assets/x", ""); err != nil || string(data) != "kept" {
			t.Errorf("%s %v", data, err)
		}
	})
}

func TestNewDatabaseMigratedAtOnce(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *sql.DB{"postgres": openPostgres, "sqlite": openSQLite} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					if err := sqlarchive.Migrate(context.Background(), db); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestNotMigrated: what is wrong is said, and is no missing object.
func TestNotMigrated(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *sql.DB{"postgres": openPostgres, "sqlite": openSQLite} {
		t.Run(name, func(t *testing.T) {
			_, _, err := sqlarchive.New(open(t)).Get(t.Context(), "a/b", "")
			if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "livelong_replay_objects") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestColumns: what the table of recordings says, and that it goes with the summary.
func TestColumns(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *sql.DB) {
		c := replay.NewCatalog(sqlarchive.New(db), replay.CatalogOptions{})
		s := replay.Summary{
			ID: "r1", View: "main.Form", URL: "/orders/1\x00", User: "Ann\xff", Start: time.UnixMilli(1_700_000_000_123).UTC(), Milliseconds: 4500,
			Events: 7, Errors: 2, Codec: replay.CBOR,
		}
		for range 2 { // saved again, it is replaced
			if err := c.Save(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			var got string
			var at, events, duration, errs int64
			err := db.QueryRowContext(t.Context(), "SELECT view || ' ' || url, connected_at, event_count, duration, errors FROM livelong_replay_recordings WHERE id = 'r1'").
				Scan(&got, &at, &events, &duration, &errs)
			if line := fmt.Sprint(got, at, events, duration, errs); err != nil || line != fmt.Sprintf("%s /orders/1\uFFFD%d %d %d %d", s.View, 1_700_000_000_123, s.Events, 4500, 2) {
				t.Errorf("got %q %v", line, err)
			}
			s.Events, s.View = 8, "main.Other"
		}
		if err := c.Delete(t.Context(), "r1"); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM livelong_replay_recordings").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d recordings are left, %v", n, err)
		}
	})
}

// TestListOfTenThousand: 10,000 recordings are listed by two statements.
func TestListOfTenThousand(t *testing.T) {
	n := 10_000
	if raceEnabled {
		n = 1000
	}
	eachDatabase(t, func(t *testing.T, db *sql.DB) {
		c := replay.NewCatalog(sqlarchive.New(db), replay.CatalogOptions{})
		begin := time.UnixMilli(1_700_000_000_000).UTC()
		var wg sync.WaitGroup
		for k := range 4 {
			wg.Go(func() {
				for i := k; i < n; i += 4 {
					s := replay.Summary{ID: fmt.Sprintf("r%d", i), View: "main.Form", URL: fmt.Sprintf("/orders/%d", i), Start: begin.Add(time.Duration(i) * time.Second), Events: i, Errors: i % 10 / 9}
					if err := c.Save(context.Background(), s); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		for _, q := range []replay.Query{{}, {Text: "ORDERS/7 main", Offset: 25}, {Errors: true}} {
			start := time.Now()
			r, err := c.Query(t.Context(), q)
			t.Logf("%+v: %d of %d in %v", q, len(r.Summaries), r.Total, time.Since(start).Round(100*time.Microsecond))
			if err != nil || len(r.Summaries) != 25 {
				t.Errorf("%d summaries, %v", len(r.Summaries), err)
			}
		}
	})
}
