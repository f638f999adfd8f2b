package db_test

import (
	"context"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// storedDelivery is a delivery as a test has stored it.
type storedDelivery struct {
	id, to uuid.UUID
	of     int // which affiliate
	at     time.Time
	status proofback.DeliveryStatus
}

// tellMany stores deliveries to several destinations of two affiliates: many in one
// second, some hours, years and decades apart, some to destinations that are switched off.
func (m *market) tellMany() (list []storedDelivery, destinations []uuid.UUID) {
	m.t.Helper()
	for range 3 {
		destinations = append(destinations, m.destination(0), m.destination(1))
	}
	m.exec(`UPDATE destinations SET enabled = false WHERE id = $1`, destinations[0])
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 120 {
		n := random.IntN(len(destinations))
		back := []time.Duration{time.Second, time.Minute, 12 * time.Hour, 400 * 24 * time.Hour, 40 * 365 * 24 * time.Hour}[i%5]
		d := storedDelivery{to: destinations[n], of: n % 2, at: day.Add(-time.Duration(random.Int64N(int64(back)))), status: proofback.DeliveryDelivered}
		if i%7 == 0 {
			d.status = proofback.DeliveryFailed
		}
		d.id = keyAt(d.at)
		m.exec(`INSERT INTO deliveries
				(id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at)
			VALUES ($1, $1, $1, $1, $2, $3, 'PENDING', $4, $5)`, d.id, m.affiliates[d.of], d.to, string(d.status), d.at)
		list = append(list, d)
	}
	// Some have keys at which spans of a page until day meet.
	for i, back := range []time.Duration{13 * time.Second, 525 * time.Second} {
		d := &list[7*i] // which failed
		id := proofback.UUIDFloor(day.Add(-back))
		m.exec(`UPDATE deliveries SET id = $2, created_at = $3 WHERE id = $1`, d.id, id, day.Add(-back))
		d.id, d.at = id, day.Add(-back)
	}
	slices.SortFunc(list, func(a, b storedDelivery) int { return slices.Compare(b.id[:], a.id[:]) })
	return list, destinations
}

func TestDeliveriesToSeveralEndpointsAreOneList(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	stored, destinations := m.tellMany()
	rapid.Check(t, func(t *rapid.T) {
		var f proofback.DeliveryFilter
		if rapid.Bool().Draw(t, "by status") {
			f.Statuses = []proofback.DeliveryStatus{proofback.DeliveryFailed}
		}
		if rapid.Bool().Draw(t, "by time") {
			f.From = day.Add(-time.Duration(rapid.Int64Range(0, int64(500*24*time.Hour)).Draw(t, "from")))
		}
		if rapid.Bool().Draw(t, "until") {
			f.To = day.Add(-time.Duration(rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(0, int64(24*time.Hour))).Draw(t, "to")))
			if f.To.Before(f.From) {
				f.From, f.To = f.To, f.From
			}
		}
		switch rapid.IntRange(0, 3).Draw(t, "of") {
		case 0:
			f.AffiliateID = m.affiliates[0]
		case 1:
			f.DestinationID = rapid.SampledFrom(destinations).Draw(t, "destination")
		}
		who := rapid.IntRange(0, 2).Draw(t, "who")
		actor := []proofback.Actor{m.affiliate, m.affiliate2, m.staff}[who]
		var want []uuid.UUID
		for _, d := range stored {
			switch {
			case who < 2 && d.of != who,
				f.AffiliateID != uuid.Nil && d.of != 0,
				f.DestinationID != uuid.Nil && d.to != f.DestinationID,
				len(f.Statuses) > 0 && d.status != f.Statuses[0],
				!f.From.IsZero() && d.at.Before(f.From),
				!f.To.IsZero() && !d.at.Before(f.To):
			default:
				want = append(want, d.id)
			}
		}
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		got := walk(t, limit, rapid.Bool().Draw(t, "backward"), func(p proofback.Page) (proofback.Window[*proofback.Delivery], error) {
			return m.store.Deliveries(context.Background(), actor, f, p)
		}, func(d *proofback.Delivery) proofback.Cursor { return proofback.Cursor{ID: d.ID} })
		if !slices.Equal(got, want) {
			t.Fatalf("%d deliveries, want %d, or in another order", len(got), len(want))
		}
	})
}

func TestADeliveryIsFoundByItsIDAlone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	c := m.conversion(m.click(0, day), "T", day)
	to := m.destination(0)
	m.destination(0)
	m.destination(1)
	tried, waiting := m.delivery(c, to, day, 1), m.delivery(c, to, day.Add(time.Second), 0)
	ids := []uuid.UUID{tried, waiting, newID(t)}
	for actor, want := range map[proofback.Actor]int{m.staff: 2, m.affiliate: 2, m.affiliate2: 0, m.advertiser: 0} {
		found, err := m.store.DeliveriesByID(t.Context(), actor, ids)
		if err != nil || len(found) != want {
			t.Errorf("%s: %d deliveries, want %d (%v)", actor.Role, len(found), want, err)
		}
	}
	keys, err := m.store.DeliveryKeys(t.Context(), proofback.System(), ids)
	if err != nil || len(keys) != 2 || keys[0].DestinationID != to || keys[1].DestinationID != to {
		t.Errorf("%v, %v", keys, err)
	}
	if _, err := m.store.DeliveryKeys(t.Context(), m.staff, ids); proofback.CodeOf(err) != proofback.CodeForbidden {
		t.Errorf("staff: %v", err)
	}
	retried, err := m.store.RetryDeliveries(t.Context(), m.affiliate, []uuid.UUID{waiting, tried})
	if err != nil || !slices.Equal(retried.Deliveries, []uuid.UUID{waiting, tried}) {
		t.Errorf("retried %v, %v", retried, err)
	}
	if retried, err = m.store.RetryDeliveries(t.Context(), m.affiliate2, ids[:1]); err != nil || retried.Count != 0 || len(retried.Problems) != 1 {
		t.Errorf("another's: %v, %v", retried, err)
	}
}

// Whatever the planner makes of it, a page is not put together of all that there is.
func TestAPageOfDeliveriesReadsFewOfThem(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
	m.crowd()
	page := proofback.Page{Limit: 20, After: &proofback.Cursor{ID: keyAt(day)}}
	back := proofback.Page{Limit: 20, Backward: true}
	read := regexp.MustCompile(`on deliveries.*\(actual rows=(\d+) loops=(\d+)\)`)
	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		f     proofback.DeliveryFilter
		page  proofback.Page
	}{
		{"all", m.staff, proofback.DeliveryFilter{}, page},
		{"the oldest", m.staff, proofback.DeliveryFilter{}, back},
		{"with a status", m.staff, proofback.DeliveryFilter{Statuses: []proofback.DeliveryStatus{proofback.DeliveryDelivered}}, page},
		{"the oldest with a status", m.staff, proofback.DeliveryFilter{Statuses: []proofback.DeliveryStatus{proofback.DeliveryDelivered}}, back},
		{"of an affiliate", m.affiliate, proofback.DeliveryFilter{}, page},
	} {
		list := sent.during(t, func() error {
			w, err := m.store.Deliveries(t.Context(), tt.actor, tt.f, tt.page)
			if len(w.Items) != tt.page.Limit {
				t.Errorf("%s: %d deliveries", tt.name, len(w.Items))
			}
			return err
		})
		scans, rows := 0, 0
		for _, sql := range list {
			if !strings.HasPrefix(sql, "SELECT") || !strings.Contains(sql, "deliveries") {
				continue
			}
			lines, err := m.explain("(ANALYZE, COSTS OFF, TIMING OFF) " + sql)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range read.FindAllStringSubmatch(strings.Join(lines, "\n"), -1) {
				n, _ := strconv.Atoi(found[1])
				times, _ := strconv.Atoi(found[2])
				scans, rows = scans+1, rows+n*times
			}
		}
		if scans == 0 || rows > 400 {
			t.Errorf("%s: %d rows were read by %d scans for a page of %d", tt.name, rows, scans, tt.page.Limit)
		}
	}
}
