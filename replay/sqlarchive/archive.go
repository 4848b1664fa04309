// Package sqlarchive is a [replay.Archive] in a SQL database, PostgreSQL or SQLite, through database/sql. It links no
// driver: the program chooses one. The tables are those of [Migrate]; the statements that make them are in the folders
// postgres and sqlite, for those who run migrations themselves.
//
// SQLite has one writer at a time, and its driver should wait for it: with modernc.org/sqlite, open
//
//	file:replay.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate
package sqlarchive

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/livelong-dev/livelong/replay"
)

// Archive keeps recordings in a database. Its methods may be called by many goroutines, and block for as long as the
// database takes.
type Archive struct {
	db      *sql.DB
	dialect atomic.Pointer[dialect]
}

var (
	_ replay.Archive = (*Archive)(nil)
	_ replay.Indexer = (*Archive)(nil)
)

// New returns an archive in a database whose tables [Migrate] has made. It asks the database nothing yet; the database
// stays the caller's to close.
func New(db *sql.DB) *Archive { return &Archive{db: db} }

// say returns the dialect that the database speaks.
func (a *Archive) say(ctx context.Context) (*dialect, error) {
	if d := a.dialect.Load(); d != nil {
		return d, ctx.Err()
	}
	d, err := detect(ctx, a.db)
	if err == nil {
		a.dialect.Store(d)
	}
	return d, err
}

// failed describes an error; a context's is told as such, whatever the driver says.
func failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("sqlarchive: %s: %w", what, err)
}

// Get implements [replay.Archive].
func (a *Archive) Get(ctx context.Context, key, known string) (data []byte, version string, err error) {
	if err := replay.CheckKey(key); err != nil {
		return nil, "", err
	}
	d, err := a.say(ctx)
	if err != nil {
		return nil, "", err
	}
	const query = `SELECT version, CASE WHEN version = $2 THEN NULL ELSE data END FROM livelong_replay_objects WHERE key = $1`
	err = a.db.QueryRowContext(ctx, d.bind(query), key, known).Scan(&version, &data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, "", fmt.Errorf("get %s: %w", key, fs.ErrNotExist)
	case err != nil:
		return nil, "", failed(ctx, "get "+key, err)
	case version == known:
		return nil, version, nil
	case data == nil:
		data = []byte{}
	}
	return data, version, nil
}

// Put implements [replay.Archive]. Versions are random.
func (a *Archive) Put(ctx context.Context, key string, data []byte, ifVersion string) (version string, err error) {
	if err := replay.CheckKey(key); err != nil {
		return "", err
	}
	d, err := a.say(ctx)
	if err != nil {
		return "", err
	}
	if data == nil {
		data = []byte{} // nil would be NULL
	}
	version = rand.Text()
	var result sql.Result
	if ifVersion == "" {
		result, err = a.db.ExecContext(ctx, d.bind(`INSERT INTO livelong_replay_objects (key, version, data) VALUES ($1, $2, $3)
			ON CONFLICT (key) DO NOTHING`), key, version, data)
	} else {
		result, err = a.db.ExecContext(ctx, d.bind(`UPDATE livelong_replay_objects SET version = $1, data = $2, updated_at = CURRENT_TIMESTAMP
			WHERE key = $3 AND version = $4`), version, data, key, ifVersion)
	}
	if err != nil {
		return "", failed(ctx, "put "+key, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return "", failed(ctx, "put "+key, err)
	}
	if n == 0 {
		return "", fmt.Errorf("put %s: the object is at another version: %w", key, fs.ErrExist)
	}
	return version, nil
}

// Delete implements [replay.Archive]. With a summary, its recording goes from the table that is searched.
func (a *Archive) Delete(ctx context.Context, key string) error {
	if err := replay.CheckKey(key); err != nil {
		return err
	}
	d, err := a.say(ctx)
	if err != nil {
		return err
	}
	id, isSummary := strings.CutPrefix(key, replay.SummaryKey(""))
	if !isSummary {
		if _, err := a.db.ExecContext(ctx, d.bind(`DELETE FROM livelong_replay_objects WHERE key = $1`), key); err != nil {
			return failed(ctx, "delete "+key, err)
		}
		return nil
	}
	return inTx(ctx, a.db, "delete "+key, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, d.bind(`DELETE FROM livelong_replay_objects WHERE key = $1`), key); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, d.bind(`DELETE FROM livelong_replay_recordings WHERE id = $1`), id)
		return err
	})
}

// inTx runs a transaction.
func inTx(ctx context.Context, db *sql.DB, what string, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return failed(ctx, what, err)
	}
	if err = f(tx); err == nil {
		err = tx.Commit()
	} else {
		_ = tx.Rollback() // the first error is the one to tell
	}
	if err != nil {
		return failed(ctx, what, err)
	}
	return nil
}

// List implements [replay.Archive].
func (a *Archive) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	d, err := a.say(ctx)
	if err != nil {
		return nil, err
	}
	if limit <= 0 {
		limit = 1000
	}
	if plain(prefix) != prefix {
		return nil, nil // no key has such bytes
	}
	const query = `SELECT key FROM livelong_replay_objects WHERE key > $1 AND key >= $2 AND key < $3 ORDER BY key LIMIT $4`
	rows, err := a.db.QueryContext(ctx, d.bind(query), plain(after), prefix, prefix+"\x7f", limit)
	if err != nil {
		return nil, failed(ctx, "list "+prefix, err)
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, failed(ctx, "list "+prefix, err)
		}
		keys = append(keys, key)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(ctx, "list "+prefix, err)
	}
	return keys, nil
}

// plain returns a text that comes between the same keys as s, and that a database takes: keys are ASCII.
func plain(s string) string {
	for i := range len(s) {
		switch {
		case s[i] == 0:
			return s[:i]
		case s[i] >= 0x7f:
			return s[:i] + "\x7f"
		}
	}
	return s
}
