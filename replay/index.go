package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The index is a cache: the keys of the summaries tell what there is, and a page is an object that holds up to 1,000
// summaries, under the hash of its contents, so that it never changes. A summary that is on no page is read by itself; one
// on a page without a key was deleted. So nobody has to change two things at once, and whatever happens to a page,
// nothing is lost by it.
const (
	pageSummaries = 1000
	maxPageBytes  = 4 << 20 // of its JSON
	minUnpaged    = 64      // as many summaries on no page make Compact write one
)

// index reads the summaries of an archive that is no Indexer.
type index struct {
	archive Archive

	writing sync.Mutex // held by compact and unpage, so that one process does not race with itself

	mu    sync.Mutex
	pages map[string][]Summary // by key; those that the archive had when it was last asked. Never changed, only replaced
}

// known returns the pages that were read before.
func (x *index) known() map[string][]Summary {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.pages
}

func (x *index) know(pages map[string][]Summary) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pages = pages
}

// found is what an index holds at one time.
type found struct {
	all     []Summary            // the newest first
	pages   map[string][]Summary // by key; its own
	used    map[string]int       // key → summaries that are used of it
	bad     []string             // keys of pages that cannot be read
	unpaged map[string]struct{}  // ids
}

// load returns all summaries. It lists keys, reads the pages it does not know, and what is on none of them.
func (x *index) load(ctx context.Context) (*found, error) {
	f := &found{used: map[string]int{}, unpaged: map[string]struct{}{}}
	err := listAll(ctx, x.archive, summaryPrefix, func(key string) error {
		if id := strings.TrimPrefix(key, summaryPrefix); CheckID(id) == nil {
			f.unpaged[id] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	f.all = make([]Summary, 0, len(f.unpaged))
	if err := x.readPages(ctx, f); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(f.pages)) {
		f.used[key] = 0
		for _, s := range f.pages[key] {
			if _, ok := f.unpaged[s.ID]; ok {
				delete(f.unpaged, s.ID)
				f.all = append(f.all, s)
				f.used[key]++
			}
		}
	}
	single, err := x.readSingle(ctx, slices.Collect(maps.Keys(f.unpaged)))
	if err != nil {
		return nil, err
	}
	f.all = append(f.all, single...)
	slices.SortFunc(f.all, newestFirst)
	return f, nil
}

// readPages finds the pages of the archive. A page that goes while it is read was replaced: then all is listed again.
func (x *index) readPages(ctx context.Context, f *found) error {
	known := x.known()
	for try := 0; ; try++ {
		pages := map[string][]Summary{}
		gone := false
		err := listAll(ctx, x.archive, indexPrefix, func(key string) error {
			if list, ok := known[key]; ok {
				pages[key] = list
				return nil
			}
			data, _, err := x.archive.Get(ctx, key, "")
			if errors.Is(err, fs.ErrNotExist) {
				gone = true
				return nil
			}
			if err != nil {
				return fmt.Errorf("read %s: %w", key, err)
			}
			list, err := decodePage(key, data)
			if err != nil {
				f.bad = append(f.bad, key)
				return nil
			}
			pages[key] = list
			return nil
		})
		if err != nil {
			return err
		}
		f.pages = pages
		if !gone || try == 2 {
			x.know(maps.Clone(pages))
			return nil
		}
		known, f.bad = pages, nil
	}
}

// readSingle reads summaries by their own objects, some at once.
func (x *index) readSingle(ctx context.Context, ids []string) ([]Summary, error) {
	results := make([]Summary, len(ids))
	errs := make([]error, len(ids))
	forEach(len(ids), 8, func(i int) {
		results[i], errs[i] = readSummary(ctx, x.archive, ids[i])
	})
	var list []Summary
	for i, err := range errs {
		switch {
		case errors.Is(err, fs.ErrNotExist): // deleted meanwhile
		case err != nil && isDamage(err):
			list = append(list, Summary{ID: ids[i], Damage: err.Error()})
		case err != nil:
			return nil, err
		default:
			list = append(list, results[i])
		}
	}
	return list, nil
}

// forEach calls f for 0 to n-1 from some goroutines, and waits for them.
func forEach(n, goroutines int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, goroutines) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

func readSummary(ctx context.Context, a Archive, id string) (Summary, error) {
	data, _, err := a.Get(ctx, SummaryKey(id), "")
	if err != nil {
		return Summary{}, fmt.Errorf("read the summary of %s: %w", id, err)
	}
	s, err := decodeSummary(summaryMagic, data)
	if err == nil && s.ID != id {
		err = fmt.Errorf("%w: it is that of %s", ErrDamaged, s.ID)
	}
	if err != nil {
		return Summary{}, fmt.Errorf("read the summary of %s: %w", id, err)
	}
	return s, nil
}

// compact writes pages of the summaries that are on none, if there are enough of them, and of pages of which little is
// used. Several processes may do it at once: then some summaries are on two pages for a while.
func (x *index) compact(ctx context.Context, atLeast int) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	f, err := x.load(ctx)
	if err != nil {
		return err
	}
	old := slices.Clone(f.bad)
	collect := map[string]bool{}
	for key, used := range f.used {
		list := f.pages[key]
		if used <= len(list)/2 || len(f.unpaged) >= atLeast && used < pageSummaries/2 {
			old = append(old, key)
			for _, s := range list {
				collect[s.ID] = true
			}
		}
	}
	if len(f.unpaged) < atLeast && len(old) == 0 {
		return nil
	}
	for id := range f.unpaged {
		collect[id] = true
	}
	var list []Summary
	for _, s := range f.all {
		if collect[s.ID] && s.Damage == "" {
			list = append(list, s)
		}
	}
	for len(list) > 0 {
		key, data, n, err := encodePage(list)
		if err != nil {
			return err
		}
		if _, err := x.archive.Put(ctx, key, data, ""); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("write an index page: %w", err)
		}
		old = slices.DeleteFunc(old, func(k string) bool { return k == key })
		f.pages[key] = list[:n:n]
		list = list[n:]
	}
	for _, key := range old {
		if err := x.archive.Delete(ctx, key); err != nil {
			return fmt.Errorf("delete an index page: %w", err)
		}
		delete(f.pages, key)
	}
	x.know(f.pages)
	return nil
}

// unpage takes a summary off the pages, because another one was written in its place.
func (x *index) unpage(ctx context.Context, id string) error {
	x.writing.Lock()
	defer x.writing.Unlock()
	f, err := x.load(ctx)
	if err != nil {
		return err
	}
	for key, list := range maps.Clone(f.pages) {
		without := slices.DeleteFunc(slices.Clone(list), func(s Summary) bool { return s.ID == id })
		if len(without) == len(list) {
			continue
		}
		if len(without) > 0 {
			next, data, _, err := encodePage(without)
			if err != nil {
				return err
			}
			if _, err := x.archive.Put(ctx, next, data, ""); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			f.pages[next] = without
		}
		if err := x.archive.Delete(ctx, key); err != nil {
			return err
		}
		delete(f.pages, key)
	}
	x.know(f.pages)
	return nil
}

// encodePage returns a page with the first n of a list.
func encodePage(list []Summary) (key string, data []byte, n int, err error) {
	body := []byte{'['}
	for n = 0; n < len(list) && n < pageSummaries && len(body) < maxPageBytes-maxSummaryBytes; n++ {
		if n > 0 {
			body = append(body, ',')
		}
		s, err := json.Marshal(&list[n])
		if err != nil {
			return "", nil, 0, err
		}
		body = append(body, s...)
	}
	data = wrap(indexMagic, compressor.EncodeAll(append(body, ']'), nil))
	sum := sha256.Sum256(data)
	return indexPrefix + hex.EncodeToString(sum[:16]), data, n, nil
}

// decodePage reads a page; its errors match ErrDamaged or ErrFormat.
func decodePage(key string, data []byte) ([]Summary, error) {
	if sum := sha256.Sum256(data); key != indexPrefix+hex.EncodeToString(sum[:16]) {
		return nil, fmt.Errorf("%s: %w: its hash is not its name", key, ErrDamaged)
	}
	body, err := unwrap(indexMagic, data, maxPageBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if body, err = decompressor.DecodeAll(body, nil); err != nil {
		return nil, fmt.Errorf("%s: %w: decompress: %v", key, ErrDamaged, err)
	}
	var list []Summary
	if err := checkNesting(body); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", key, ErrDamaged, err)
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("%s: %w: %v", key, ErrDamaged, err)
	}
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return list, nil
}
