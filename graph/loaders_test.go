package graph

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestALoaderAsksOnceForAPage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testLoaderAsksOnce) // in which time passes when all wait
}

func testLoaderAsksOnce(t *testing.T) {
	who := proofback.Actor{Role: proofback.RoleManager}
	known, asked := uuid.New(), 0
	l := newLoader(loaderWait, func(_ context.Context, a proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Offer, error) {
		asked++
		if a != who || len(ids) != 100 {
			t.Errorf("asked for %d ids as %+v", len(ids), a)
		}
		return map[uuid.UUID]*proofback.Offer{known: {ID: known}}, nil
	})
	ctx := WithActor(t.Context(), who)
	var wg sync.WaitGroup
	for range 99 {
		wg.Go(func() {
			if _, err := load(ctx, l, "offer", uuid.New()); proofback.CodeOf(err) != proofback.CodeNotFound {
				t.Errorf("an unknown offer: %v", err)
			}
		})
	}
	for range 20 {
		wg.Go(func() {
			if o, err := find(ctx, l, known); err != nil || o.ID != known {
				t.Errorf("the known offer: %v, %v", o, err)
			}
		})
	}
	wg.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if o, err := find(ctx, l, uuid.Nil); o != nil || err != nil || asked != 1 {
		t.Errorf("no offer: %v, %v", o, err)
	}
}
