package durabletest_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/livelong-dev/livelong/durable"
	"github.com/livelong-dev/livelong/durable/durabletest"
)

// broken is a right bucket with one method replaced.
type broken struct {
	durable.Bucket
	get  func(ctx context.Context, key, known string) ([]byte, string, error)
	put  func(ctx context.Context, key string, data []byte, ifVersion string) (string, error)
	del  func(ctx context.Context, key string) error
	list func(ctx context.Context, prefix, after string, limit int) ([]string, error)
}

func (b broken) Get(ctx context.Context, key, known string) ([]byte, string, error) {
	if b.get != nil {
		return b.get(ctx, key, known)
	}
	return b.Bucket.Get(ctx, key, known)
}

func (b broken) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	if b.put != nil {
		return b.put(ctx, key, data, ifVersion)
	}
	return b.Bucket.Put(ctx, key, data, ifVersion)
}

func (b broken) Delete(ctx context.Context, key string) error {
	if b.del != nil {
		return b.del(ctx, key)
	}
	return b.Bucket.Delete(ctx, key)
}

func (b broken) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if b.list != nil {
		return b.list(ctx, prefix, after, limit)
	}
	return b.Bucket.List(ctx, prefix, after, limit)
}

// controls are buckets that break one sentence of the contract each, with the subtest that must find it.
var controls = map[string]struct {
	found  string
	bucket func(m *durabletest.Memory) broken
}{
	"ignoresConditions": {"staleVersionWritesNothing", func(m *durabletest.Memory) broken {
		return broken{put: func(ctx context.Context, key string, data []byte, _ string) (string, error) {
			return overwrite(ctx, m, key, data)
		}}
	}},
	"losesARace": {"createRace", func(m *durabletest.Memory) broken {
		var mu sync.Mutex
		creates := map[string]int{}
		return broken{put: func(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if ifVersion == "" {
				creates[key]++
			}
			if creates[key] == 3 && ifVersion == "" {
				return overwrite(ctx, m, key, data)
			}
			return m.Put(ctx, key, data, ifVersion)
		}}
	}},
	"writesThenRefuses": {"staleVersionWritesNothing", func(m *durabletest.Memory) broken {
		return broken{put: func(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
			version, err := m.Put(ctx, key, data, ifVersion)
			if err != nil && ifVersion != "" && ctx.Err() == nil {
				overwrite(ctx, m, key, data)
			}
			return version, err
		}}
	}},
	"createsAtAVersion": {"versionWithoutObject", func(m *durabletest.Memory) broken {
		return broken{put: func(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
			if _, _, err := m.Get(ctx, key, ""); err != nil {
				ifVersion = ""
			}
			return m.Put(ctx, key, data, ifVersion)
		}}
	}},
	"emptyIsNil": {"contents", func(m *durabletest.Memory) broken {
		return broken{get: func(ctx context.Context, key, known string) ([]byte, string, error) {
			data, version, err := m.Get(ctx, key, known)
			return append([]byte(nil), data...), version, err
		}}
	}},
	"neverUnchanged": {"conditionalGet", func(m *durabletest.Memory) broken {
		return broken{get: func(ctx context.Context, key, _ string) ([]byte, string, error) { return m.Get(ctx, key, "") }}
	}},
	"sharesContents": {"contentsBelongToTheCaller", func(m *durabletest.Memory) broken {
		var mu sync.Mutex
		shared := map[string][]byte{}
		return broken{get: func(ctx context.Context, key, known string) ([]byte, string, error) {
			data, version, err := m.Get(ctx, key, known)
			mu.Lock()
			defer mu.Unlock()
			if data == nil {
				return data, version, err
			}
			if shared[key+version] == nil {
				shared[key+version] = data
			}
			return shared[key+version], version, err
		}}
	}},
	"ignoresContexts": {"endedContext", func(m *durabletest.Memory) broken {
		return broken{list: func(_ context.Context, prefix, after string, limit int) ([]string, error) {
			return m.List(context.Background(), prefix, after, limit)
		}}
	}},
	"anyKey": {"badKeys", func(m *durabletest.Memory) broken {
		return broken{del: func(ctx context.Context, key string) error {
			if durable.CheckKey(key) != nil {
				return nil
			}
			return m.Delete(ctx, key)
		}}
	}},
	"missingIsAnError": {"missingObject", func(m *durabletest.Memory) broken {
		return broken{del: func(ctx context.Context, key string) error {
			if _, _, err := m.Get(ctx, key, ""); err != nil {
				return fs.ErrNotExist
			}
			return m.Delete(ctx, key)
		}}
	}},
	"listsSlashesFirst": {"listOrder", func(m *durabletest.Memory) broken {
		return broken{list: func(ctx context.Context, prefix, after string, limit int) ([]string, error) {
			keys, err := m.List(ctx, prefix, after, limit)
			slices.SortFunc(keys, func(a, b string) int {
				return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
			})
			return keys, err
		}}
	}},
	"atMostAThousand": {"listPages", func(m *durabletest.Memory) broken {
		return broken{list: func(ctx context.Context, prefix, after string, limit int) ([]string, error) {
			return m.List(ctx, prefix, after, min(limit, 1000))
		}}
	}},
	"tornReads": {"readRace", func(m *durabletest.Memory) broken {
		var mu sync.Mutex
		var earlier []byte
		return broken{get: func(ctx context.Context, key, known string) ([]byte, string, error) {
			data, version, err := m.Get(ctx, key, known)
			mu.Lock()
			defer mu.Unlock()
			torn := append(earlier[:len(earlier)/2:len(earlier)/2], data...)
			earlier = data
			return torn, version, err
		}}
	}},
}

// TestEitherRefusal: a store may call the lack of an object by its name where a version was asked for.
func TestEitherRefusal(t *testing.T) {
	m := durabletest.NewMemory()
	b := broken{Bucket: m, put: func(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
		version, err := m.Put(ctx, key, data, ifVersion)
		if _, _, missing := m.Get(ctx, key, ""); errors.Is(missing, fs.ErrNotExist) {
			return "", missing
		}
		return version, err
	}}
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return b })
}

func overwrite(ctx context.Context, m *durabletest.Memory, key string, data []byte) (string, error) {
	for {
		_, version, _ := m.Get(ctx, key, "")
		version, err := m.Put(ctx, key, data, version)
		if err == nil || ctx.Err() != nil || durable.CheckKey(key) != nil {
			return version, err
		}
	}
}

const controlVariable = "DURABLETEST_CONTROL"

// TestControls runs this test binary once for each broken bucket, for a test that is to fail cannot do so in the test
// that expects it.
func TestControls(t *testing.T) {
	if os.Getenv(controlVariable) != "" {
		return
	}
	for name, control := range controls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestControl$/^"+control.found+"$")
			cmd.Env = append(os.Environ(), controlVariable+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil || !regexp.MustCompile(`--- FAIL: TestControl/`+control.found+`\b`).Match(out) {
				t.Errorf("TestBucket took a bucket for right that is broken: %v\n%.2000s", err, out)
			}
		})
	}
}

// TestControl is TestBucket on the broken bucket that the environment names. Without one it has nothing to do.
func TestControl(t *testing.T) {
	control, ok := controls[os.Getenv(controlVariable)]
	if !ok {
		return
	}
	m := durabletest.NewMemory()
	b := control.bucket(m)
	b.Bucket = m
	durabletest.TestBucket(t, func(*testing.T) durable.Bucket { return b })
}
