package live

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// servePOST answers a form posted without JavaScript: the same handlers, and a redirect back to the page. A form that was
// refused is answered with the page itself, which would have forgotten by then what was entered and what is wrong with it.
func (rt *route) servePOST(w http.ResponseWriter, r *http.Request) {
	a := rt.group.app
	if err := a.origin.Check(r); err != nil {
		a.fail(w, r, &StatusError{Status: http.StatusForbidden, Err: err})
		return
	}
	s, ok := a.sessionOf(r)
	if !ok {
		a.fail(w, r, &StatusError{Status: http.StatusForbidden, Err: errors.New("a form posted without a browser session: are cookies blocked?")})
		return
	}
	if err := rt.group.authorize(r); err != nil {
		a.fail(w, r, err)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, a.options.MaxForm)
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		err = r.ParseMultipartForm(a.options.MaxForm)
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		bad := &StatusError{Status: http.StatusBadRequest, Err: errors.New("the form is not well encoded")} // err repeats what was entered
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			bad = &StatusError{Status: http.StatusRequestEntityTooLarge, Err: err}
		}
		a.fail(w, r, bad)
		return
	}
	if !a.checkSeal(s, r.PostForm.Get(postSeal)) {
		a.fail(w, r, &StatusError{Status: http.StatusForbidden, Err: errors.New("the form is not sealed for this browser session: load the page again")})
		return
	}
	p := a.newPage(rt, r)
	in, err := a.mount(rt, r, s, p, mountOptions{})
	if errors.Is(err, ErrSessionEnded) {
		a.setCookie(w, r, a.newSession())
		err = &StatusError{Status: http.StatusForbidden, Err: &Error{Text: "Your session has ended. Load the page again, and then send the form.", Err: err}}
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	parked := false
	defer func() {
		if !parked {
			in.finish("answered")
		}
	}()
	if in.redirect != "" { // Mount or Params lead elsewhere, so there is no page to handle the event
		a.giveFlash(w, r, s, in.takeFlash())
		http.Redirect(w, r, in.redirect, http.StatusSeeOther)
		return
	}
	before := in.refused()
	if err := in.post(r.PostForm); err != nil {
		a.fail(w, r, err)
		return
	}
	if now := in.refused(); len(now) > 0 && !reflect.DeepEqual(before, now) && in.redirect == "" && in.course == nil {
		bench := workbenches.Get().(*workbench)
		defer workbenches.Put(bench)
		root, err := in.firstRender(bench)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		defer func() { bench.tree.HTML = root.html[:0] }()
		parked = in.writeDocument(w, r, root, bench, nil, http.StatusUnprocessableEntity)
		return
	}
	a.giveFlash(w, r, s, in.takeFlash())
	target := in.request.URL.RequestURI()
	if in.redirect != "" {
		target = in.redirect
	} else if in.course != nil && in.course.away != "" {
		target = in.course.away
	} else if in.course != nil {
		target = in.course.url.String()
	} else if u, _ := in.writeQuery(); u != nil {
		target = u.String()
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// refused returns the forms that were submitted with errors, of the view and its children.
func (in *instance) refused() map[any]Form {
	forms := map[any]Form{}
	of := func(t *viewType, v reflect.Value) {
		for _, f := range t.assigns.Fields() {
			if form, ok := v.FieldByIndex(f.Index).Addr().Interface().(*Form); ok && form.Sent && len(form.Errors) > 0 {
				forms[form] = *form
			}
		}
	}
	of(in.typ, in.value)
	if in.family != nil {
		for _, c := range in.family.children {
			of(c.typ, c.value)
		}
	}
	return forms
}

// post runs the handler of a plain form's event, on an instance nobody will attach to.
func (in *instance) post(form url.Values) error {
	name, value, _ := strings.Cut(form.Get(postEvent), " ")
	name, _, _ = strings.Cut(name, ";")
	target := form.Get(postChild)
	form.Del(postEvent)
	form.Del(postSeal)
	form.Del(postChild)
	if target != "" {
		// What is shown as which child is known once it is rendered.
		bench := workbenches.Get().(*workbench)
		_, err := in.firstRender(bench)
		workbenches.Put(bench)
		if err != nil {
			return err
		}
	}
	c, e, err := in.handlerOf(name, target)
	if err != nil {
		return &StatusError{Status: http.StatusBadRequest, Err: err}
	}
	if in.stashed != nil && !in.writable() {
		return unsaved(errUnavailable)
	}
	args := eventArgs{at: c, value: json.RawMessage(value), form: form}
	err, crash := in.guard(func() error {
		if e.gated && in.stashed != nil {
			return in.gated(e, args)
		}
		return in.runEvent(in.ctx, e, args)
	})
	if crash != nil {
		return crash
	}
	if failed, ok := errors.AsType[*ungated](err); ok {
		return unsaved(failed.err)
	}
	if failed, ok := errors.AsType[*unrendered](err); ok {
		return failed.err
	}
	if _, ok := errors.AsType[*badEvent](err); ok {
		return &StatusError{Status: http.StatusBadRequest, Err: err}
	}
	var redirect *redirection
	switch {
	case errors.As(err, &redirect):
		in.redirect = redirect.target
	case err != nil && !errors.Is(err, ErrHalt):
		in.log().Log(in.ctx, levelOf(err), "handler failed", "event", name, "err", err)
		in.socket.Flash("error", in.app.userText(err))
	}
	in.note()
	if err := in.prove(); err != nil {
		return err
	}
	if in.stashed == nil {
		return nil
	}
	if err := in.handOver(); err != nil {
		return unsaved(err)
	}
	if in.stashed.written == 0 && in.stashed.err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(in.ctx, in.app.options.GateTimeout)
	defer cancel()
	if err := in.settle(ctx); err != nil {
		return unsaved(err)
	}
	return nil
}

// unsaved answers a plain form whose changes are not stored, or not known to be.
func unsaved(err error) error {
	own := &Error{Text: "Your changes could not be saved. Go back and try again.", Err: err}
	if errors.As(err, &own) {
		own = &Error{Text: own.Text, Err: err}
	}
	return &StatusError{Status: http.StatusServiceUnavailable, Err: own}
}
