package graph

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// offersOnce is a loader of one offer that is known, and what it was asked.
func offersOnce(t *testing.T, known uuid.UUID, who proofback.Actor, err error) (*loaders, *loader[*proofback.Offer], *[]int) {
	t.Helper()
	asked := new([]int)
	of := &loaders{}
	of.queue.Fetch = of.fetch
	return of, newLoader(of, func(_ context.Context, a proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Offer, error) {
		*asked = append(*asked, len(ids))
		if a != who {
			t.Errorf("asked as %+v", a)
		}
		return map[uuid.UUID]*proofback.Offer{known: {ID: known}}, err
	}), asked
}

func TestALoaderAsksOnceForALevel(t *testing.T) {
	t.Parallel()
	who := proofback.Actor{Role: proofback.RoleManager}
	known := uuid.New()
	of, l, asked := offersOnce(t, known, who, nil)
	ctx := WithActor(t.Context(), who)
	err := of.queue.Each(ctx, 99+20, func(i int) error {
		if i < 99 {
			_, err := load(ctx, l, "offer", uuid.NewSHA1(known, []byte{byte(i)}))
			if proofback.CodeOf(err) == proofback.CodeNotFound {
				err = nil
			}
			return err
		}
		o, err := find(ctx, l, known)
		if err == nil && o.ID != known {
			t.Errorf("the known offer: %v", o)
		}
		return err
	})
	if err != nil || cmp.Diff([]int{100}, *asked) != "" {
		t.Errorf("asked for %v ids: %v", *asked, err)
	}
	if o, err := find(ctx, l, uuid.Nil); o != nil || err != nil || len(*asked) != 1 {
		t.Errorf("no offer: %v, %v", o, err)
	}
	if o, err := find(ctx, l, known); o == nil || err != nil || len(*asked) != 1 {
		t.Errorf("an offer that is known: %v, %v", o, err)
	}
}

func TestALoaderAsksForManyInParts(t *testing.T) {
	t.Parallel()
	_, l, asked := offersOnce(t, uuid.New(), proofback.Actor{}, nil)
	ids := make([]uuid.UUID, 2*maxFetched+1)
	for i := range ids {
		ids[i] = uuid.New()
	}
	if list, err := l.all(t.Context(), append(ids, ids...)); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
	if diff := cmp.Diff([]int{maxFetched, maxFetched, 1}, *asked); diff != "" {
		t.Error(diff)
	}
}

func TestALoadersFailureIsThatOfAllWhoWait(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	of, l, asked := offersOnce(t, uuid.New(), proofback.Actor{}, gone)
	failed := 0
	err := of.queue.Each(t.Context(), 3, func(i int) error {
		_, err := load(t.Context(), l, "offer", uuid.UUID{1, byte(i)})
		if errors.Is(err, gone) {
			failed++
		}
		return err
	})
	if !errors.Is(err, gone) || failed != 3 || len(*asked) != 1 {
		t.Error(err, failed, *asked)
	}
}
