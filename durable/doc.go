// Package durable keeps the stored fields of views in an object store.
package durable
