package durabletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/livelong-dev/livelong/durable"
)

// Op is a kind of request to a bucket.
type Op uint8

const (
	Get Op = iota
	Put
	Delete
	List
	ops
)

func (o Op) String() string { return [...]string{"get", "put", "delete", "list"}[o] }

// Fault is a way for a request to fail. Each returns an error that matches [ErrInjected], except Slow.
type Fault uint8

const (
	None        Fault = iota
	NotSent           // an error; nothing was done
	AnswerLost        // an error; it was done
	Late              // an error; a Put or Delete is done later by itself, if its condition holds then. Others are not done.
	Held              // as Late, but done when Release is called
	Unavailable       // the store's 503; nothing was done
	Slow              // done after a delay
	Hang              // an error once the context ends; nothing was done
	Denied            // an error that matches fs.ErrPermission; nothing was done
	Full              // an error that matches syscall.ENOSPC for a Put; others are done
	faults
)

func (f Fault) String() string {
	return [...]string{"none", "not sent", "answer lost", "late", "held", "unavailable", "slow", "hang", "denied", "full"}[f]
}

// ErrInjected is matched by all errors that a [Faulty] makes.
var ErrInjected = errors.New("injected fault")

// Request is what a [Faulty] was asked for.
type Request struct {
	Op      Op
	Key     string // the prefix, of a List
	Version string // the known version of a Get, the condition of a Put
	Data    []byte // of a Put; not to be changed or kept
}

// FaultyOptions are options of [NewFaulty].
type FaultyOptions struct {
	// Rates are the probabilities of faults, as by [Faulty.SetRates]. Defaults to none.
	Rates map[Fault]float64
	// Seed chooses which requests fail. Defaults to a random one.
	Seed uint64
	// MaxDelay bounds the random delay of Slow and Late requests. Defaults to 100 ms.
	MaxDelay time.Duration
	// Logf is told the seed; it is a test's Logf. Defaults to none.
	Logf func(format string, args ...any)
	// Before is called before each request, in its goroutine, and may block it. If it returns an error, the request is
	// not done and returns that error. Defaults to none.
	Before func(ctx context.Context, r Request) error
	// After is called in the same way when the store has answered a request, also if the answer is about to be lost, with
	// the store's error. An error that it returns takes the place of the answer. Defaults to none.
	After func(ctx context.Context, r Request, err error) error
}

// Faulty is a [durable.Bucket] whose requests to another fail in chosen ways. Several of them around one bucket are
// several processes with networks of their own. It works in a testing/synctest bubble. Make one with [NewFaulty]; a test
// whose writes may be late calls Settle before it ends.
type Faulty struct {
	bucket durable.Bucket
	o      FaultyOptions

	mu        sync.Mutex
	random    *rand.Rand
	rates     map[Fault]float64
	next      [ops][]Fault
	partition Fault
	held      []func()
	late      int           // requests that are still to be done, held ones included
	settled   chan struct{} // closed when late becomes 0
	injected  [faults]int
}

// NewFaulty returns a wrapper around a bucket, which without rates and further calls passes everything on.
func NewFaulty(b durable.Bucket, o FaultyOptions) *Faulty {
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	if o.MaxDelay <= 0 {
		o.MaxDelay = 100 * time.Millisecond
	}
	if o.Logf != nil {
		o.Logf("durabletest: faults by seed %d", o.Seed)
	}
	f := &Faulty{bucket: b, o: o, random: rand.New(rand.NewPCG(o.Seed, 0))}
	f.SetRates(o.Rates)
	return f
}

// SetRates sets the probabilities of faults, each from 0 to 1 and together at most 1, for requests of all kinds.
func (f *Faulty) SetRates(rates map[Fault]float64) {
	sum := 0.0
	copied := map[Fault]float64{}
	for fault, p := range rates {
		copied[fault] = p
		sum += p
	}
	if sum > 1.000001 {
		panic(fmt.Sprintf("durabletest: the rates of faults add up to %g", sum))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rates = copied
}

// Next says how the next requests of a kind fail, one each, whatever the rates are; None is a request that does not.
// Further calls add to it.
func (f *Faulty) Next(op Op, faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next[op] = append(f.next[op], faults...)
}

// Partition makes all requests fail in one way from now on, before those of Next and the rates: with NotSent or
// Unavailable at once, with Hang when their contexts end, with Denied as with wrong credentials. None ends it; requests
// that hang go on hanging.
func (f *Faulty) Partition(how Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.partition = how
}

// Injected returns how many requests have failed in a way.
func (f *Faulty) Injected(fault Fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.injected[fault]
}

// Release does the requests that were Held so far, in their order, and returns how many there were. It may block.
func (f *Faulty) Release() int {
	f.mu.Lock()
	held := f.held
	f.held = nil
	f.mu.Unlock()
	for _, do := range held {
		do()
	}
	return len(held)
}

// Settle releases what is held, and waits until nothing is late any more, or returns ctx's error.
func (f *Faulty) Settle(ctx context.Context) error {
	for {
		f.Release()
		f.mu.Lock()
		settled := f.settled
		if f.late == 0 {
			f.mu.Unlock()
			return nil
		}
		f.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *Faulty) Get(ctx context.Context, key, known string) (data []byte, version string, err error) {
	r := Request{Op: Get, Key: key, Version: known}
	err = f.do(ctx, r, func(ctx context.Context) (err error) {
		data, version, err = f.bucket.Get(ctx, key, known)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return data, version, nil
}

func (f *Faulty) Put(ctx context.Context, key string, data []byte, ifVersion string) (string, error) {
	r := Request{Op: Put, Key: key, Version: ifVersion, Data: bytes.Clone(data)}
	var version string
	err := f.do(ctx, r, func(ctx context.Context) error {
		v, err := f.bucket.Put(ctx, key, r.Data, ifVersion)
		if err == nil {
			version = v
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return version, nil
}

func (f *Faulty) Delete(ctx context.Context, key string) error {
	return f.do(ctx, Request{Op: Delete, Key: key}, func(ctx context.Context) error { return f.bucket.Delete(ctx, key) })
}

func (f *Faulty) List(ctx context.Context, prefix, after string, limit int) (keys []string, err error) {
	err = f.do(ctx, Request{Op: List, Key: prefix}, func(ctx context.Context) (err error) {
		keys, err = f.bucket.List(ctx, prefix, after, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// Now returns the store's time, or this machine's if the store has none. Only Partition makes it fail.
func (f *Faulty) Now(ctx context.Context) (time.Time, error) {
	f.mu.Lock()
	partition := f.partition
	f.mu.Unlock()
	if partition == Hang {
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	}
	if partition != None {
		return time.Time{}, partition.err(Get)
	}
	if b, ok := f.bucket.(durable.Timekeeper); ok {
		return b.Now(ctx)
	}
	return time.Now(), ctx.Err()
}

// CommitEvery returns what the store suggests, or 0.
func (f *Faulty) CommitEvery() time.Duration {
	if b, ok := f.bucket.(durable.Pacer); ok {
		return b.CommitEvery()
	}
	return 0
}

// Open opens the store if that can be. No fault makes it fail.
func (f *Faulty) Open(ctx context.Context) error {
	if b, ok := f.bucket.(durable.Opener); ok {
		return b.Open(ctx)
	}
	return nil
}

// do does a request, or lets it fail. Its request may be called after do has returned, with another context.
func (f *Faulty) do(ctx context.Context, r Request, request func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.o.Before != nil {
		if err := f.o.Before(ctx, r); err != nil {
			return err
		}
	}
	answered := func(ctx context.Context) error {
		err := request(ctx)
		if f.o.After != nil {
			if instead := f.o.After(ctx, r, err); instead != nil {
				return instead
			}
		}
		return err
	}
	fault, delay := f.choose(r.Op)
	switch fault {
	case None:
		return answered(ctx)
	case Slow:
		if err := wait(ctx, delay); err != nil {
			return err
		}
		return answered(ctx)
	case Hang:
		<-ctx.Done()
		return fmt.Errorf("%w: %w", fault.err(r.Op), ctx.Err())
	case AnswerLost:
		answered(ctx)
	case Late, Held:
		if r.Op == Put || r.Op == Delete {
			f.postpone(fault, delay, func() { answered(context.WithoutCancel(ctx)) })
		}
	}
	return fault.err(r.Op)
}

// choose says how a request fails, and by how much it is late or slow.
func (f *Faulty) choose(op Op) (Fault, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, delay := f.random.Float64(), time.Duration(f.random.Int64N(int64(f.o.MaxDelay)))+1
	fault := None
	switch {
	case f.partition != None:
		fault = f.partition
	case len(f.next[op]) > 0:
		fault, f.next[op] = f.next[op][0], f.next[op][1:]
	default:
		for i := NotSent; i < faults && fault == None; i++ { // in a fixed order, so that a seed repeats a run
			if p < f.rates[i] {
				fault = i
			}
			p -= f.rates[i]
		}
	}
	if fault == Full && op != Put {
		fault = None
	}
	f.injected[fault]++
	return fault, delay
}

// postpone does a request later. Its goroutine ends when that is done, for which Settle waits.
func (f *Faulty) postpone(fault Fault, delay time.Duration, request func()) {
	do := func() {
		request()
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.late--; f.late == 0 {
			close(f.settled)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.late++; f.late == 1 {
		f.settled = make(chan struct{})
	}
	if fault == Held {
		f.held = append(f.held, do)
		return
	}
	time.AfterFunc(delay, do)
}

// err is the error that a fault makes of a request of some kind.
func (f Fault) err(op Op) error {
	switch f {
	case Denied:
		return fmt.Errorf("%s: %w: %w", op, ErrInjected, fs.ErrPermission)
	case Full:
		return fmt.Errorf("%s: %w: %w", op, ErrInjected, syscall.ENOSPC)
	}
	return fmt.Errorf("%s: %w: %s", op, ErrInjected, f)
}
