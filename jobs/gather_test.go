package jobs

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestGatherersDoTogetherWhatComesMeanwhile(t *testing.T) {
	t.Parallel()
	var sizes []int
	begun, release := make(chan struct{}, 1), make(chan struct{})
	g := newGatherer(func(_ context.Context, in []int) ([]int, error) {
		sizes = append(sizes, len(in)) // one turn: no two at a time
		if len(sizes) == 1 {
			begun <- struct{}{}
			<-release
		}
		out := make([]int, len(in))
		for i, n := range in {
			out[i] = 2 * n
		}
		return out, nil
	}, 1, 6)
	var wg sync.WaitGroup
	ask := func(n int) {
		wg.Go(func() {
			if got, err := g.call(t.Context(), n); err != nil || got != 2*n {
				t.Errorf("%d gives %d, %v", n, got, err)
			}
		})
	}
	ask(0)
	<-begun
	for n := range 10 {
		ask(n + 1)
	}
	for waiting := 0; waiting < 10; {
		g.mu.Lock()
		waiting = len(g.waiting)
		g.mu.Unlock()
	}
	close(release)
	wg.Wait()
	if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 6 || sizes[2] != 4 {
		t.Errorf("batches of %v", sizes)
	}
}

func TestGatherersGiveEachItsOwnError(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	g := newGatherer(func(_ context.Context, in []int) ([]int, error) {
		for _, n := range in {
			if n == 3 {
				return nil, bad
			}
		}
		return in, nil
	}, 2, 100)
	var wg sync.WaitGroup
	for n := range 100 {
		wg.Go(func() {
			got, err := g.call(t.Context(), n)
			if n == 3 && !errors.Is(err, bad) || n != 3 && (err != nil || got != n) {
				t.Errorf("%d gives %d, %v", n, got, err)
			}
		})
	}
	wg.Wait()
}

func TestGatherersLetGoOfWhoCannotWait(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	g := newGatherer(func(_ context.Context, in []int) ([]int, error) {
		close(begun)
		<-release
		return in, nil
	}, 1, 10)
	ended := make(chan error, 1)
	underWay, stop := context.WithCancel(t.Context())
	go func() {
		_, err := g.call(underWay, 1)
		ended <- err
	}()
	<-begun
	waiting, leave := context.WithCancel(t.Context())
	leave()
	if _, err := g.call(waiting, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("who waits gets %v", err)
	}
	stop()
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("what was under way gives %v", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) != 0 {
		t.Error("somebody still waits")
	}
}
