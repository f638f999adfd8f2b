package db_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

// walk pages through a list from one end to the other and gives the ids that it
// saw, in the list's order.
func walk[T any](t *rapid.T, limit int, backward bool, list func(proofback.Page) (proofback.Window[*T], error), cursor func(*T) proofback.Cursor) []uuid.UUID {
	var seen []uuid.UUID
	p := proofback.Page{Limit: limit, Backward: backward}
	for range 1000 {
		w, err := list(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Items) > limit || len(w.Items) < limit && w.HasMore {
			t.Fatalf("a page of %d holds %d and says that there are more: %t", limit, len(w.Items), w.HasMore)
		}
		var ids []uuid.UUID
		for _, v := range w.Items {
			ids = append(ids, cursor(v).ID)
		}
		if backward {
			seen = append(ids, seen...)
		} else {
			seen = append(seen, ids...)
		}
		if !w.HasMore {
			return seen
		}
		if backward {
			c := cursor(w.Items[0])
			p.Before = &c
		} else {
			c := cursor(w.Items[len(w.Items)-1])
			p.After = &c
		}
	}
	t.Fatal("the list does not end")
	return nil
}

func TestPagingSeesEveryRowOnceHoweverEqualTheTimes(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	to := m.destination(0)
	var clicks, conversions, postbacks, deliveries []uuid.UUID
	key := map[proofback.ConversionTime]map[uuid.UUID]time.Time{proofback.ByEventAt: {}, proofback.ByReceivedAt: {}}
	for i := range 18 {
		at := day.Add(time.Duration(i/6) * time.Minute) // six rows share each moment
		click := m.click(0, at)
		c := m.conversion(click, "tx"+string(rune('a'+i)), at, func(c *proofback.Conversion) {
			if i%2 == 0 { // the others are received when they happen
				c.ReceivedAt = day.Add(time.Duration(i%3) * time.Minute)
			}
		})
		key[proofback.ByEventAt][c.ID], key[proofback.ByReceivedAt][c.ID] = c.EventAt, c.ReceivedAt
		clicks = append(clicks, click.ID)
		conversions = append(conversions, c.ID)
		postbacks = append(postbacks, m.postback(click, c.TxID, at).ID)
		deliveries = append(deliveries, m.delivery(c, to, at, 0))
	}
	newest := func(ids []uuid.UUID) []uuid.UUID {
		ids = slices.Clone(ids)
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(b[:], a[:]) })
		return ids
	}
	byID := func(id uuid.UUID) proofback.Cursor { return proofback.Cursor{ID: id} }
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		backward := rapid.Bool().Draw(t, "backward")
		actor := rapid.SampledFrom([]proofback.Actor{m.staff, m.affiliate}).Draw(t, "actor")
		same := func(what string, got, want []uuid.UUID) {
			if !slices.Equal(got, want) {
				t.Fatalf("%s: got %d rows, want %d, or in another order", what, len(got), len(want))
			}
		}
		same("clicks", walk(t, limit, backward, func(p proofback.Page) (proofback.Window[*proofback.Click], error) {
			return m.store.Clicks(ctx, actor, proofback.ClickFilter{}, p)
		}, func(c *proofback.Click) proofback.Cursor { return byID(c.ID) }), newest(clicks))
		same("postbacks", walk(t, limit, backward, func(p proofback.Page) (proofback.Window[*proofback.Postback], error) {
			return m.store.Postbacks(ctx, actor, proofback.PostbackFilter{}, p)
		}, func(c *proofback.Postback) proofback.Cursor { return byID(c.ID) }), newest(postbacks))
		same("deliveries", walk(t, limit, backward, func(p proofback.Page) (proofback.Window[*proofback.Delivery], error) {
			return m.store.Deliveries(ctx, actor, proofback.DeliveryFilter{}, p)
		}, func(c *proofback.Delivery) proofback.Cursor { return byID(c.ID) }), newest(deliveries))

		order := proofback.ConversionOrder{
			By:          rapid.SampledFrom([]proofback.ConversionTime{proofback.ByEventAt, proofback.ByReceivedAt}).Draw(t, "by"),
			OldestFirst: rapid.Bool().Draw(t, "oldest first"),
		}
		filter := rapid.SampledFrom([]proofback.ConversionFilter{
			{},
			{AdvertiserID: m.advertisers[0]},
			{TimeRange: proofback.TimeRange{From: day, To: day.Add(time.Hour)}, Basis: proofback.BasisReceived},
		}).Draw(t, "filter")
		want := slices.Clone(conversions)
		slices.SortFunc(want, func(a, b uuid.UUID) int {
			c := key[order.By][a].Compare(key[order.By][b])
			if c == 0 {
				c = slices.Compare(a[:], b[:])
			}
			if !order.OldestFirst {
				c = -c
			}
			return c
		})
		same("conversions", walk(t, limit, backward, func(p proofback.Page) (proofback.Window[*proofback.Conversion], error) {
			return m.store.Conversions(ctx, actor, filter, order, p)
		}, order.Cursor), want)
	})
}

func TestAPageLiesBetweenItsCursors(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	var ids []uuid.UUID // newest first
	for i := range 5 {
		ids = append([]uuid.UUID{m.click(0, day.Add(time.Duration(i)*time.Second)).ID}, ids...)
	}
	for _, backward := range []bool{false, true} {
		w, err := m.store.Clicks(t.Context(), m.staff, proofback.ClickFilter{}, proofback.Page{
			Limit: 10, Backward: backward, After: &proofback.Cursor{ID: ids[0]}, Before: &proofback.Cursor{ID: ids[4]},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []uuid.UUID
		for _, c := range w.Items {
			got = append(got, c.ID)
		}
		if !slices.Equal(got, ids[1:4]) {
			t.Errorf("backward %t: got %v, want %v", backward, got, ids[1:4])
		}
	}
}
