package livetest_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/livelong-dev/livelong/live"
	"github.com/livelong-dev/livelong/live/livetest"
)

// survey has fields of all kinds, some of them outside their form, and rows.
type survey struct {
	Got      string // what came last, field by field
	Name     string
	Stand    int // of what the server overwrites
	Handled  int
	Followed bool
}

type (
	Answer struct {
		Target string        `client:"target"`
		Name   string        `form:"name"`
		Age    int           `form:"age"`
		Likes  []string      `form:"likes"`
		Size   string        `form:"size"`
		Color  string        `form:"color"`
		Agree  bool          `form:"agree"`
		Far    string        `form:"far"`
		Off    string        `form:"off"`
		Told   string        `form:"told"`
		Rows   map[int]Entry `form:"rows"`
	}
	Entry struct {
		Text string `form:"text"`
	}
	Finish struct {
		Submitter string `client:"submitter"`
		Do        string `form:"do"`
		Name      string `form:"name"`
	}
	Upper     struct{}
	Overwrite struct{}
)

func (*survey) Events() []live.Handler {
	return []live.Handler{
		live.On((*survey).Answer), live.On((*survey).Finish), live.On((*survey).Upper), live.On((*survey).Overwrite),
	}
}

func (s *survey) Answer(_ context.Context, _ *live.Socket, e Answer) error {
	s.Handled++
	s.Name = e.Name
	s.Got = strings.Join([]string{e.Target, e.Name, strings.Join(e.Likes, "+"), e.Size, e.Color, map[bool]string{true: "agreed"}[e.Agree], e.Far, e.Off, e.Told, e.Rows[1].Text, e.Rows[7].Text}, "|")
	return nil
}

func (s *survey) Finish(_ context.Context, _ *live.Socket, e Finish) error {
	s.Got = strings.Join([]string{"finish", e.Submitter, e.Do, e.Name}, "|")
	return nil
}

func (s *survey) Upper(context.Context, *live.Socket, Upper) error {
	s.Name = strings.ToUpper(s.Name)
	return nil
}

func (s *survey) Overwrite(context.Context, *live.Socket, Overwrite) error {
	s.Stand++
	return nil
}

var surveyHTML = `<form id="f" live-change="Answer;c=target" live-submit="Finish;c=submitter">
<input name="name" value="NAME"><input name="age" type="number"><input name="free" id="free" live-overwrite="STAND">
<select name="likes" multiple><option>tea</option><option value="c" selected>coffee</option><optgroup disabled><option>gin</option></optgroup></select>
<select name="size"><option>S</option><option disabled>M</option><option selected>L</option></select>
<input type="radio" name="color" value="red"><input type="radio" name="color" value="blue" checked>
<input type="checkbox" name="agree">
<fieldset disabled><legend><input name="told" value="in the legend"></legend><input name="off" value="x"><button name="do" value="never">never</button></fieldset>
<input name="ro" value="1" readonly><input type="hidden" name="secret" value="s">
<input name="rows[1].text" value="one"><input name="rows[7].text" value="seven">
<button name="do" value="save">save</button><button type="reset">undo</button></form>
<form id="other"><input form="f" name="far" value="away"><input type="radio" name="color" value="green" checked></form>
<button form="f" name="do" value="far">save from afar</button>
<button id="upper" live-click="Upper">upper</button><button id="overwrite" live-click="Overwrite">overwrite</button>
<output>GOT</output>`

func (s survey) Render() templ.Component {
	r := strings.NewReplacer("NAME", templ.EscapeString(s.Name), "GOT", templ.EscapeString(s.Got), "STAND", string(rune('0'+s.Stand)))
	return templ.Raw(r.Replace(surveyHTML))
}

func openSurvey(t testing.TB) *livetest.Page {
	app := newApp()
	live.Handle(app, "GET /survey", func(*http.Request) (*survey, error) { return &survey{}, nil })
	return livetest.Open(t, app, "/survey")
}

func TestFormFields(t *testing.T) {
	page := openSurvey(t)
	got := func(what, want string) {
		t.Helper()
		if g := page.Text("output"); g != want {
			t.Errorf("%s: the server got %q, want %q", what, g, want)
		}
	}
	page.Type("[name=name]", "Ann")
	got("a text", "name|Ann|c|L|blue||away||in the legend|one|seven")
	page.Choose("[name=likes]", "tea", "c")
	page.Choose("[name=size]", "S")
	page.Check("#f [value=red]", true)
	page.Check("[name=agree]", true)
	page.Type("[name=far]", "far")
	page.Type("[name='rows[7].text']", "7")
	got("all kinds", "rows[7].text|Ann|tea+c|S|red|agreed|far||in the legend|one|7")
	if _, ok := page.Attr("#other [name=color]", "checked"); !ok || page.Value("[name=likes]") != "tea,c" {
		t.Errorf("likes %s; another form's radio button was cleared: %v", page.Value("[name=likes]"), !ok)
	}
	page.Fill("#f", map[string]string{"name": "Bob", "likes": "tea", "color": "blue", "agree": "", "rows[1].text": "1"})
	got("filled in", "rows[1].text|Bob|tea|S|blue||far||in the legend|1|7")
	page.Choose("[name=likes]")
	got("nothing chosen", "likes|Bob||S|blue||far||in the legend|1|7")
	page.Click("button", "from afar")
	got("submitted from afar", "finish|do|far|Bob")
	page.Type("[name=name]", "Cid")
	page.Click("#f [value=save]")
	got("submitted", "finish|do|save|Cid")
	page.Submit("#f")
	got("submitted without a button", "finish|||Cid")
	page.Type("[name='rows[7].text']", "typed")
	page.Click("button", "undo")
	got("reset", "[reset]|Cid|c|L|blue||away||in the legend|one|seven")
}

// What is shown is what the client shows: the user's text, until the server renders another one.
func TestValuesFollowTheServer(t *testing.T) {
	page := openSurvey(t)
	page.Type("[name=name]", "ann")
	page.Click("#upper")
	if got := page.Value("[name=name]"); got != "ANN" {
		t.Errorf("the server rendered ANN, the field shows %q", got)
	}
	page.Type("[name=free]", "mine")
	page.Click("#upper")
	if got := page.Value("#free"); got != "mine" {
		t.Errorf("the server rendered nothing else, the field shows %q", got)
	}
	page.Click("#overwrite")
	if got := page.Value("#free"); got != "" {
		t.Errorf("the server overwrote it, the field shows %q", got)
	}
}

func TestFormFailures(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(*livetest.Page)
		want string
	}{
		"noSuchField":     {func(p *livetest.Page) { p.Fill("#f", map[string]string{"nmae": "x"}) }, `has no field "nmae"; it has ["age" "agree" "color" "do" "far" "free" "likes" "name" "off" "ro" "rows[1].text" "rows[7].text" "secret" "size" "told"]`},
		"noSuchRow":       {func(p *livetest.Page) { p.Fill("#f", map[string]string{"rows[2].text": "x"}) }, `has no field "rows[2].text"`},
		"noSuchSelector":  {func(p *livetest.Page) { p.Type("[name=nmae]", "x") }, `0 elements match "[name=nmae]"`},
		"noForm":          {func(p *livetest.Page) { p.Fill("#upper", map[string]string{"a": "b"}) }, `is no form`},
		"noSuchOption":    {func(p *livetest.Page) { p.Type("[name=size]", "XL") }, `has no option "XL"; it has ["L" "M" "S"]`},
		"disabledOption":  {func(p *livetest.Page) { p.Choose("[name=size]", "M") }, `the option "M" of <select name="size"></select> is disabled`},
		"disabledGroup":   {func(p *livetest.Page) { p.Choose("[name=likes]", "gin") }, `the option "gin"`},
		"twoOptions":      {func(p *livetest.Page) { p.Choose("[name=size]", "S", "L") }, `takes one option, not 2`},
		"optionsOfText":   {func(p *livetest.Page) { p.Choose("[name=name]", "S") }, `has no options`},
		"noSuchChoice":    {func(p *livetest.Page) { p.Fill("#f", map[string]string{"color": "pink"}) }, `has no choice "pink" of color; it has ["red" "blue"]`},
		"radioCleared":    {func(p *livetest.Page) { p.Check("#f [value=blue]", false) }, `cannot be cleared: choose another one`},
		"textIntoABox":    {func(p *livetest.Page) { p.Type("[name=agree]", "x") }, `takes no text: Check it`},
		"valueOfABox":     {func(p *livetest.Page) { p.Fill("#f", map[string]string{"agree": "maybe"}) }, `cannot be "maybe"`},
		"tickedText":      {func(p *livetest.Page) { p.Check("[name=name]", true) }, `cannot be ticked`},
		"hidden":          {func(p *livetest.Page) { p.Type("[name=secret]", "x") }, `takes no text`},
		"hiddenByName":    {func(p *livetest.Page) { p.Fill("#f", map[string]string{"secret": "x"}) }, `has no field "secret"`},
		"readOnly":        {func(p *livetest.Page) { p.Type("[name=ro]", "x") }, `is read-only`},
		"disabled":        {func(p *livetest.Page) { p.Type("[name=off]", "x") }, `is disabled`},
		"disabledButton":  {func(p *livetest.Page) { p.Click("button", "never") }, `is disabled`},
		"noNumber":        {func(p *livetest.Page) { p.Type("[name=age]", "1e") }, `takes a number, and browsers keep "1e" to themselves`},
		"noField":         {func(p *livetest.Page) { p.Type("output", "x") }, `is no field`},
		"submitOfNoForm":  {func(p *livetest.Page) { p.Submit("output") }, `is no form`},
		"submitUnhandled": {func(p *livetest.Page) { p.Submit("#other") }, `nothing is bound to submit`},
	} {
		t.Run(name, func(t *testing.T) {
			got := failures(t, func(t testing.TB) { c.act(openSurvey(t)) })
			if !strings.Contains(got, c.want) {
				t.Errorf("failed with %q\nwant %q", got, c.want)
			}
		})
	}
	if !slices.Contains([]string{""}, failures(t, func(t testing.TB) { openSurvey(t).Type("[name=told]", "x") })) {
		t.Error("what stands in the legend of a disabled fieldset can be used")
	}
}
