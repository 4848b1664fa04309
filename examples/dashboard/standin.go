package main

import (
	"net/url"
	"strconv"

	"github.com/a-h/templ"
)

// Stand-ins for live.Query and live.Link, until they exist.

func queryOf(d Dashboard) url.Values {
	v := url.Values{}
	set := func(name, value, standard string) {
		if value != standard {
			v.Set(name, value)
		}
	}
	set("sort", d.Sort, "cpu")
	set("dir", d.Dir, "desc")
	set("q", d.Filter, "")
	set("rows", strconv.FormatUint(uint64(d.Stress), 10), "0")
	set("hz", strconv.FormatUint(uint64(d.Hz), 10), "10")
	return v
}

func query(d Dashboard) string { return "?" + queryOf(d).Encode() }

func link(href string) templ.Attributer { return templ.Attributes{"href": href} }

func (d *Dashboard) parse(v url.Values) {
	get := func(name, standard string) string {
		if v.Has(name) {
			return v.Get(name)
		}
		return standard
	}
	number := func(name string, standard uint64) uint {
		n, err := strconv.ParseUint(v.Get(name), 10, 64)
		if err != nil {
			n = standard
		}
		return uint(n)
	}
	d.Sort, d.Dir, d.Filter = get("sort", "cpu"), get("dir", "desc"), get("q", d.Filter)
	d.Stress, d.Hz = number("rows", 0), number("hz", 10)
}
