package local

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/livelong-dev/livelong/durable"
)

// A bucket's directory holds tmp/, lock/ and the objects. A part of a key is a directory of its own, named after it and
// a '+', and the last part a file. Both stand in a directory named by the part's first two bytes, if it has more than
// one, so that many keys with random beginnings share a part without filling one directory: sessions/ab12 is
// se/sessions+/ab/ab12. No name of one or two bytes is tmp or lock.
const (
	tempDir = "tmp"
	lockDir = "lock"
)

// tempAge is the age at which a file in tmp/ was left over by a process that was killed. A write takes milliseconds;
// one that was stopped for longer fails when it goes on, without having changed anything.
const tempAge = 10 * time.Minute

// fileName returns where a key's object lies, with slashes.
func fileName(key string) string {
	var b strings.Builder
	parts := strings.Split(key, "/")
	for i, part := range parts {
		if len(part) > 1 {
			b.WriteString(part[:2])
			b.WriteByte('/')
		}
		b.WriteString(part)
		if i < len(parts)-1 {
			b.WriteString("+/")
		}
	}
	return b.String()
}

// header is the first line of an object's file:
//
//	livelong 1 <version> <length of the contents> <CRC-32C of the contents> <key>
//
// The version is a revision and random bits: an object that was deleted and created again, or restored from a backup
// and written again, never has one for the second time.
type header struct {
	version string
	length  int
	sum     uint32
	key     string
}

const maxHeader = 1024 // bytes; keys have 512 at most

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// nextHeader describes the contents that replace those of h, which is the zero header if there are none.
func nextHeader(h header, key string, data []byte) header {
	revision, _, _ := strings.Cut(h.version, "-")
	n, _ := strconv.ParseUint(revision, 10, 64)
	var nonce [8]byte
	rand.Read(nonce[:])
	return header{
		version: strconv.FormatUint(n+1, 10) + "-" + hex.EncodeToString(nonce[:]),
		length:  len(data), sum: crc32.Checksum(data, castagnoli), key: key,
	}
}

// encode returns a file.
func (h header) encode(data []byte) []byte {
	b := make([]byte, 0, len(data)+len(h.key)+80)
	b = fmt.Appendf(b, "livelong 1 %s %d %08x %s\n", h.version, h.length, h.sum, h.key)
	return append(b, data...)
}

var errDamaged = errors.New("the file is damaged")

// decodeHeader returns a file's header and its length, given the file's beginning.
func decodeHeader(file []byte) (h header, n int, err error) {
	n = bytes.IndexByte(file, '\n') + 1
	fields := strings.Split(string(file[:max(n-1, 0)]), " ")
	if len(fields) != 6 || fields[0] != "livelong" {
		return header{}, 0, errDamaged
	}
	if fields[1] != "1" {
		return header{}, 0, fmt.Errorf("the file has format %s, written by a newer program", fields[1])
	}
	length, err := strconv.ParseUint(fields[3], 10, 40)
	sum, err2 := strconv.ParseUint(fields[4], 16, 32)
	if err != nil || err2 != nil || fields[2] == "" || durable.CheckKey(fields[5]) != nil {
		return header{}, 0, errDamaged
	}
	return header{version: fields[2], length: int(length), sum: uint32(sum), key: fields[5]}, n, nil
}

// read reads an object. Its key is locked.
func (b *Bucket) read(root *os.Root, key, known string) ([]byte, string, error) {
	f, file, err := b.openObject(root, key)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	head, n, err := b.header(key, file)
	if err != nil {
		return nil, "", err
	}
	if head.version == known {
		return nil, known, nil
	}
	if info, err := f.Stat(); err != nil || info.Size() != int64(n+head.length) {
		return nil, "", b.damaged(key, cmp.Or(err, errDamaged))
	}
	data := make([]byte, head.length)
	have := copy(data, file[n:])
	if _, err := io.ReadFull(f, data[have:]); err != nil {
		return nil, "", b.damaged(key, err)
	}
	if crc32.Checksum(data, castagnoli) != head.sum {
		return nil, "", b.damaged(key, errDamaged)
	}
	return data, head.version, nil
}

// readHeader returns an object's header; the zero header and an error that matches fs.ErrNotExist if there is none.
func (b *Bucket) readHeader(root *os.Root, key string) (header, error) {
	f, file, err := b.openObject(root, key)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	head, _, err := b.header(key, file)
	return head, err
}

// openObject opens a file and reads its beginning.
func (b *Bucket) openObject(root *os.Root, key string) (*os.File, []byte, error) {
	f, err := root.Open(fileName(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("get %s: %w", key, fs.ErrNotExist)
	}
	if err != nil {
		return nil, nil, b.failed("open "+key, err)
	}
	file := make([]byte, maxHeader)
	n, err := io.ReadFull(f, file)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		f.Close()
		return nil, nil, b.failed("read "+key, err)
	}
	return f, file[:n], nil
}

func (b *Bucket) header(key string, file []byte) (header, int, error) {
	head, n, err := decodeHeader(file)
	if err == nil && head.key != key {
		err = fmt.Errorf("the file holds %s; the file system must tell upper from lower case", head.key)
	}
	if err != nil {
		return header{}, 0, b.damaged(key, err)
	}
	return head, n, nil
}

func (b *Bucket) damaged(key string, err error) error {
	return fmt.Errorf("local bucket: read %s: %v", path.Join(b.dir, fileName(key)), err)
}

// writeTemp writes a new file in tmp/ and syncs it.
func (b *Bucket) writeTemp(root *os.Root, contents []byte) (_ string, err error) {
	name := tempDir + "/" + strconv.Itoa(os.Getpid()) + "-" + rand.Text()
	if err := b.at("create"); err != nil {
		return "", b.failed("create a file", err)
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", b.failed("create a file", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			root.Remove(name)
		}
	}()
	half := len(contents) / 2
	if _, err = f.Write(contents[:half]); err == nil {
		if err = b.at("write"); err == nil {
			_, err = f.Write(contents[half:])
		}
	}
	if err != nil {
		return "", b.failed("write", err)
	}
	if err = b.at("sync"); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, errQuota):
		// Blocks are given out late. The file is thrown away, so that nothing depends on it.
		return "", b.failed("write", err)
	case err != nil:
		return "", b.fsyncFailed(err)
	}
	return name, nil
}

// tempName is how writeTemp names files. Whoever names a directory of their own by mistake has other files in its tmp/.
var tempName = regexp.MustCompile(`^[0-9]+-[A-Z2-7]{26,}$`)

// sweep removes files that were left over in tmp/.
func (b *Bucket) sweep(root *os.Root) error {
	names, err := readNames(root, tempDir)
	if err != nil {
		return err
	}
	for _, e := range names {
		if !tempName.MatchString(e.Name()) || e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < tempAge {
			continue // it has just been renamed, or may be
		}
		if err := root.Remove(tempDir + "/" + e.Name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
