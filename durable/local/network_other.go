//go:build !linux && !darwin

package local

// networkFileSystem recognises none on this system.
func networkFileSystem(string) (string, error) { return "", nil }
