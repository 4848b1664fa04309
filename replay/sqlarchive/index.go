package sqlarchive

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/livelong-dev/livelong/replay"
)

// PutSummary implements [replay.Indexer].
func (a *Archive) PutSummary(ctx context.Context, key string, data []byte, s replay.Summary) error {
	if err := replay.CheckKey(key); err != nil {
		return err
	}
	if key != replay.SummaryKey(s.ID) {
		return fmt.Errorf("sqlarchive: the summary of %s has the key %s", s.ID, key)
	}
	d, err := a.say(ctx)
	if err != nil {
		return err
	}
	columns, err := json.Marshal(&s)
	if err != nil {
		return fmt.Errorf("sqlarchive: put %s: %w", key, err)
	}
	return inTx(ctx, a.db, "put "+key, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, d.bind(`INSERT INTO livelong_replay_objects (key, version, data) VALUES ($1, $2, $3)
			ON CONFLICT (key) DO UPDATE SET version = excluded.version, data = excluded.data, updated_at = CURRENT_TIMESTAMP`),
			key, rand.Text(), data)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, d.bind(`INSERT INTO livelong_replay_recordings
			(id, view, connected_at, event_count, duration, errors, url, user_label, build, session, search, data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (id) DO UPDATE SET view = excluded.view, connected_at = excluded.connected_at, event_count = excluded.event_count,
			duration = excluded.duration, errors = excluded.errors, url = excluded.url, user_label = excluded.user_label,
			build = excluded.build, session = excluded.session, search = excluded.search, data = excluded.data,
			updated_at = CURRENT_TIMESTAMP`),
			s.ID, text(s.View), s.Start.UnixMilli(), s.Events, s.Milliseconds, s.Errors, text(s.URL), text(s.User), text(s.Build),
			text(s.Session), text(s.SearchText()), columns)
		return err
	})
}

// text returns what PostgreSQL can keep as text.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// Query implements [replay.Indexer].
func (a *Archive) Query(ctx context.Context, q replay.Query) (replay.Result, error) {
	var r replay.Result
	d, err := a.say(ctx)
	if err != nil {
		return r, err
	}
	where, args := d.where(&q)
	count := `SELECT COUNT(*), COALESCE(SUM(CASE WHEN errors > 0 THEN 1 ELSE 0 END), 0) FROM livelong_replay_recordings` + where
	if err := a.db.QueryRowContext(ctx, d.bind(count), args...).Scan(&r.Total, &r.Errors); err != nil {
		return r, failed(ctx, "query", err)
	}
	limit := q.LimitOr(r.Total)
	if limit <= 0 || q.Offset >= r.Total {
		return r, nil
	}
	page := fmt.Sprintf(`SELECT data FROM livelong_replay_recordings%s ORDER BY connected_at DESC, id LIMIT %d OFFSET %d`, where, limit, max(0, q.Offset))
	rows, err := a.db.QueryContext(ctx, d.bind(page), args...)
	if err != nil {
		return r, failed(ctx, "query", err)
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		var s replay.Summary
		if err := rows.Scan(&data); err != nil {
			return r, failed(ctx, "query", err)
		}
		if err := json.Unmarshal(data, &s); err != nil {
			return r, fmt.Errorf("sqlarchive: query: %w: %v", replay.ErrDamaged, err)
		}
		r.Summaries = append(r.Summaries, s)
	}
	if err := rows.Err(); err != nil {
		return r, failed(ctx, "query", err)
	}
	return r, nil
}

// where returns the condition that [replay.Query.Matches] is.
func (d *dialect) where(q *replay.Query) (string, []any) {
	var conditions []string
	var args []any
	add := func(format string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, fmt.Sprintf(format, fmt.Sprintf("$%d", len(args))))
	}
	for _, c := range []struct{ column, value string }{{"view", q.View}, {"user_label", q.User}, {"build", q.Build}, {"session", q.Session}} {
		if c.value != "" {
			add(c.column+" = %s", text(c.value))
		}
	}
	for _, word := range q.Words() {
		add(d.find+"(search, %s) > 0", text(word))
	}
	if !q.Since.IsZero() {
		add("connected_at >= %s", q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		add("connected_at < %s", q.Until.UnixMilli())
	}
	if q.Errors {
		conditions = append(conditions, "errors > 0")
	}
	if conditions == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}
