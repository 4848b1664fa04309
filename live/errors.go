package live

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// Error is an error whose text is meant for the user. Any other error of a handler is logged, and the user reads a
// general sentence; in development the error itself.
type Error struct {
	Text string
	Err  error // for the log; may be nil
}

// Errorf returns an [Error] with this text.
func Errorf(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// StatusError answers a request for a page with an HTTP status. Factories, Authorize, OnMount hooks, Mount and Params
// may return it. Of other errors, those matching [fs.ErrNotExist] are answered 404, those matching [fs.ErrPermission]
// 403, and all others 500.
type StatusError struct {
	Status int
	Err    error // its text is for the log; may be nil
}

func (e *StatusError) Error() string {
	text := strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns Err.
func (e *StatusError) Unwrap() error { return e.Err }

// redirection is what RedirectTo returns.
type redirection struct{ target string }

func (r *redirection) Error() string { return "redirect to " + r.target }

// RedirectTo returns an error that sends the browser elsewhere instead: from Authorize, an OnMount hook, Mount or
// Params. The target is a path of this app or an http or https URL; others become an ordinary error.
func RedirectTo(target string) error {
	if err := checkTarget(target); err != nil {
		return err
	}
	return &redirection{target}
}

// checkTarget refuses what is no path of this app and no http or https URL. Browsers ignore tabs and line breaks in
// URLs and read a backslash as a slash, so those are refused too.
func checkTarget(target string) error {
	bad := strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' })
	local := strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") || strings.HasPrefix(target, "?")
	lower := strings.ToLower(target)
	if bad || !local && !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
		return fmt.Errorf("redirect to %q: want a path that starts with one slash, or an http or https URL", target)
	}
	return nil
}

// statusOf returns the HTTP status for an error.
func statusOf(err error) int {
	var status *StatusError
	switch {
	case errors.As(err, &status) && status.Status >= 400 && status.Status < 600:
		return status.Status
	case errors.Is(err, fs.ErrNotExist):
		return http.StatusNotFound
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	}
	return http.StatusInternalServerError
}

// fail answers a request that cannot have its page.
func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	if redirect, ok := errors.AsType[*redirection](err); ok {
		http.Redirect(w, r, redirect.target, http.StatusSeeOther)
		return
	}
	status := statusOf(err)
	level := slog.LevelInfo
	if status >= 500 && r.Context().Err() == nil { // else the browser has gone, and nobody reads the answer
		level = slog.LevelError
	}
	a.log.LogAttrs(context.WithoutCancel(r.Context()), level, "page refused",
		slog.String("path", r.URL.Path), slog.Int("status", status), slog.Any("err", err))
	text := http.StatusText(status)
	if own, ok := errors.AsType[*Error](err); ok {
		text += "\n\n" + own.Text
	}
	if a.options.Dev {
		text += "\n\n" + err.Error()
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}

const generalText = "That did not work. Please try again."

// userText is what the user reads of an error.
func (a *App) userText(err error) string {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Text
	}
	if a.options.Dev {
		return err.Error()
	}
	return generalText
}

// panicked wraps what a view's method threw.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }
