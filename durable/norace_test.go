//go:build !race

package durable_test

const raced = 1
