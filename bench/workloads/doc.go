// Package workloads holds the pages that the cost of an update is measured on, each as the render before a change and
// the one after it: a number on a static page, cells and rows of a table with and without keys, a form with an error,
// one item of a long list.
package workloads
