package sqlarchive

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Migrations are the statements that make the tables, in the folders postgres and sqlite; files are to be run in the order
// of their names.
//
//go:embed postgres/*.sql sqlite/*.sql
var Migrations embed.FS

// dialect is what differs between databases.
type dialect struct {
	name   string // of the folder in Migrations
	dollar bool   // parameters are $1, not ?1
	find   string // the function that finds a text in another
	lock   string // a statement that keeps other migrations out until the transaction ends
}

var (
	postgres = &dialect{name: "postgres", dollar: true, find: "strpos", lock: "SELECT pg_advisory_xact_lock(7163251340862034911)"}
	sqlite   = &dialect{name: "sqlite", find: "instr"}
)

// bind writes a statement's parameters, $1, $2 and so on, as the database wants them.
func (d *dialect) bind(query string) string {
	if d.dollar {
		return query
	}
	return strings.ReplaceAll(query, "$", "?")
}

// detect asks the database what it is.
func detect(ctx context.Context, db *sql.DB) (*dialect, error) {
	var version string
	err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	if err == nil {
		return sqlite, nil
	}
	if ctx.Err() != nil {
		return nil, failed(ctx, "ask which database it is", err)
	}
	err2 := db.QueryRowContext(ctx, "SELECT version()").Scan(&version)
	switch {
	case err2 != nil:
		return nil, failed(ctx, "ask which database it is", errors.Join(err, err2))
	case strings.HasPrefix(version, "PostgreSQL"):
		return postgres, nil
	}
	return nil, fmt.Errorf("sqlarchive: want PostgreSQL or SQLite, not %.60s: %w", version, errors.ErrUnsupported)
}

// Migrate makes or brings up to date the tables that an [Archive] needs. It may be called at each start, by several
// processes at once, and does nothing when there is nothing to do.
func Migrate(ctx context.Context, db *sql.DB) error {
	d, err := detect(ctx, db)
	if err != nil {
		return err
	}
	names, err := fs.Glob(Migrations, d.name+"/*.sql")
	if err != nil {
		return err
	}
	return inTx(ctx, db, "migrate", func(tx *sql.Tx) error {
		if d.lock != "" {
			if _, err := tx.ExecContext(ctx, d.lock); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			`CREATE TABLE IF NOT EXISTS livelong_replay_migrations (version INTEGER PRIMARY KEY, applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`,
			`INSERT INTO livelong_replay_migrations (version) VALUES (0) ON CONFLICT (version) DO NOTHING`, // SQLite takes its lock here
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		var done int
		if err := tx.QueryRowContext(ctx, `SELECT MAX(version) FROM livelong_replay_migrations`).Scan(&done); err != nil {
			return err
		}
		for _, name := range names {
			n, err := strconv.Atoi(name[len(d.name)+1:][:4])
			if err != nil {
				return err
			}
			if n <= done {
				continue
			}
			if err := run(ctx, tx, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if _, err := tx.ExecContext(ctx, d.bind(`INSERT INTO livelong_replay_migrations (version) VALUES ($1)`), n); err != nil {
				return err
			}
		}
		return nil
	})
}

// run executes a file's statements, which end with a semicolon at the end of a line.
func run(ctx context.Context, tx *sql.Tx, name string) error {
	data, err := Migrations.ReadFile(name)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(string(data), ";\n") {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
