package db_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// seen gives the letters under which a test knows the rows of a page.
func seen[T any](w proofback.Window[*T], id func(*T) uuid.UUID, letters map[uuid.UUID]string) string {
	var out []string
	for _, row := range w.Items {
		out = append(out, letters[id(row)])
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

func clickKey(c *proofback.Click) uuid.UUID           { return c.ID }
func conversionKey(c *proofback.Conversion) uuid.UUID { return c.ID }
func postbackKey(p *proofback.Postback) uuid.UUID     { return p.ID }
func deliveryKey(d *proofback.Delivery) uuid.UUID     { return d.ID }

// TestNobodySeesWhatIsNotTheirs asks every method of reading, as everybody, for
// everything: a of the first affiliate and advertiser, b of the second ones.
func TestNobodySeesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	letters := map[uuid.UUID]string{}
	var clicks, conversions, postbacks, deliveries []uuid.UUID
	for i, name := range []string{"a", "b"} {
		click := m.click(i, day)
		c := m.conversion(click, "T", day)
		p := m.postback(click, "T", day)
		d := m.delivery(c, m.destination(i), day, 1)
		clicks, conversions = append(clicks, click.ID), append(conversions, c.ID)
		postbacks, deliveries = append(postbacks, p.ID), append(deliveries, d)
		for _, id := range []uuid.UUID{click.ID, c.ID, p.ID, d} {
			letters[id] = name
		}
	}
	stray := m.postback(nil, "", day)
	letters[stray.ID], postbacks = "s", append(postbacks, stray.ID)

	for _, tt := range []struct {
		name  string
		actor proofback.Actor
		// what is seen of clicks, conversions and transitions; postbacks; deliveries
		rows, log, told string
	}{
		{"staff", m.staff, "ab", "abs", "ab"},
		{"system", proofback.System(), "ab", "abs", "ab"},
		{"affiliate", m.affiliate, "a", "a", "a"},
		{"other affiliate", m.affiliate2, "b", "b", "b"},
		{"advertiser", m.advertiser, "a", "a", ""},
		{"other advertiser", m.advertiser2, "b", "b", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), m.store
			check := func(what, got, want string, err error) {
				t.Helper()
				if err != nil || got != want {
					t.Errorf("%s: sees %q, want %q (%v)", what, got, want, err)
				}
			}
			clickPage, err := s.Clicks(ctx, tt.actor, proofback.ClickFilter{}, all)
			check("clicks", seen(clickPage, clickKey, letters), tt.rows, err)
			conversionPage, err := s.Conversions(ctx, tt.actor, proofback.ConversionFilter{}, proofback.ConversionOrder{}, all)
			check("conversions", seen(conversionPage, conversionKey, letters), tt.rows, err)
			postbackPage, err := s.Postbacks(ctx, tt.actor, proofback.PostbackFilter{}, all)
			check("postbacks", seen(postbackPage, postbackKey, letters), tt.log, err)
			deliveryPage, err := s.Deliveries(ctx, tt.actor, proofback.DeliveryFilter{}, all)
			check("deliveries", seen(deliveryPage, deliveryKey, letters), tt.told, err)

			clicksByID, err := s.ClicksByID(ctx, tt.actor, clicks)
			check("clicks by id", lettersOf(clicksByID, letters), tt.rows, err)
			conversionsByID, err := s.ConversionsByID(ctx, tt.actor, conversions)
			check("conversions by id", lettersOf(conversionsByID, letters), tt.rows, err)
			transitions, err := s.TransitionsByConversion(ctx, tt.actor, conversions)
			check("transitions", lettersOf(transitions, letters), tt.rows, err)
			postbacksByID, err := s.PostbacksByID(ctx, tt.actor, postbacks)
			check("postbacks by id", lettersOf(postbacksByID, letters), tt.log, err)
			deliveriesByID, err := s.DeliveriesByID(ctx, tt.actor, deliveries)
			check("deliveries by id", lettersOf(deliveriesByID, letters), tt.told, err)
			byConversion, err := s.DeliveriesByConversion(ctx, tt.actor, conversions)
			check("deliveries by conversion", lettersOf(byConversion, letters), tt.told, err)
			attempts, err := s.AttemptsByDelivery(ctx, tt.actor, deliveries)
			check("attempts", lettersOf(attempts, letters), tt.told, err)

			foreign := proofback.ConversionFilter{AffiliateID: m.affiliates[1], AdvertiserID: m.advertisers[1]}
			conversionPage, err = s.Conversions(ctx, tt.actor, foreign, proofback.ConversionOrder{}, all)
			check("conversions of the second ones", seen(conversionPage, conversionKey, letters), strings.Trim(tt.rows, "a"), err)
		})
	}
}

func lettersOf[T any](found map[uuid.UUID]T, letters map[uuid.UUID]string) string {
	var out []string
	for id := range found {
		out = append(out, letters[id])
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

func TestNobodyReadsWithoutSigningIn(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	ctx, s, nobody := t.Context(), m.store, proofback.Actor{}
	ids := []uuid.UUID{keyAt(day)}
	for name, read := range map[string]func() error{
		"Clicks":                  func() error { _, err := s.Clicks(ctx, nobody, proofback.ClickFilter{}, all); return err },
		"ClicksByID":              func() error { _, err := s.ClicksByID(ctx, nobody, ids); return err },
		"ConversionsByID":         func() error { _, err := s.ConversionsByID(ctx, nobody, ids); return err },
		"TransitionsByConversion": func() error { _, err := s.TransitionsByConversion(ctx, nobody, ids); return err },
		"Postbacks":               func() error { _, err := s.Postbacks(ctx, nobody, proofback.PostbackFilter{}, all); return err },
		"PostbacksByID":           func() error { _, err := s.PostbacksByID(ctx, nobody, ids); return err },
		"Deliveries":              func() error { _, err := s.Deliveries(ctx, nobody, proofback.DeliveryFilter{}, all); return err },
		"DeliveriesByID":          func() error { _, err := s.DeliveriesByID(ctx, nobody, ids); return err },
		"DeliveriesByConversion":  func() error { _, err := s.DeliveriesByConversion(ctx, nobody, ids); return err },
		"AttemptsByDelivery":      func() error { _, err := s.AttemptsByDelivery(ctx, nobody, ids); return err },
		"Trace":                   func() error { _, err := s.Trace(ctx, nobody, proofback.TraceBy{ClickID: ids[0]}); return err },
		"Conversions": func() error {
			_, err := s.Conversions(ctx, nobody, proofback.ConversionFilter{}, proofback.ConversionOrder{}, all)
			return err
		},
		"MoveConversions": func() error {
			_, _, err := s.MoveConversions(ctx, nobody, ids, proofback.StatusApproved, "")
			return err
		},
	} {
		if err := read(); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPartnersSeeRowsWithoutWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	click := m.click(0, day)
	m.conversion(click, "T", day)
	m.postback(click, "T", day)
	for _, tt := range []struct {
		actor           proofback.Actor
		payout, revenue bool
	}{{m.staff, true, true}, {m.affiliate, true, false}, {m.advertiser, false, true}} {
		w, err := m.store.Conversions(t.Context(), tt.actor, proofback.ConversionFilter{}, proofback.ConversionOrder{}, all)
		if err != nil || len(w.Items) != 1 {
			t.Fatal(err, w)
		}
		c := w.Items[0]
		if c.Payout.IsZero() == tt.payout || c.Normalized.Payout.IsZero() == tt.payout {
			t.Errorf("%s: payout %v, %v", tt.actor.Role, c.Payout, c.Normalized.Payout)
		}
		if c.Revenue.IsZero() == tt.revenue || c.Normalized.Revenue.IsZero() == tt.revenue {
			t.Errorf("%s: revenue %v, %v", tt.actor.Role, c.Revenue, c.Normalized.Revenue)
		}
		log, err := m.store.Postbacks(t.Context(), tt.actor, proofback.PostbackFilter{}, all)
		if err != nil || len(log.Items) != 1 {
			t.Fatal(err, log)
		}
		if p := log.Items[0]; (p.URL == "") == tt.revenue || (len(p.Parameters) == 2) != tt.revenue {
			t.Errorf("%s: %+v", tt.actor.Role, p)
		}
	}
}

var week = proofback.TimeRange{From: day.AddDate(0, 0, -3), To: day.AddDate(0, 0, 4)}

func TestRangesAreHalfOpen(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	letters := map[uuid.UUID]string{}
	for i, name := range []string{"a", "b", "c"} {
		at := day.Add(time.Duration(i) * time.Hour)
		click := m.click(0, at)
		p := m.postback(click, "", at)
		d := m.delivery(m.conversion(click, "T"+name, at), m.destination(0), at, 0)
		letters[click.ID], letters[p.ID], letters[d] = name, name, name
	}
	for _, tt := range []struct {
		name string
		in   proofback.TimeRange
		want string
	}{
		{"all", week, "abc"},
		{"from one of them", proofback.TimeRange{From: day.Add(time.Hour)}, "bc"},
		{"to one of them", proofback.TimeRange{To: day.Add(time.Hour)}, "a"},
		{"less than a millisecond later", proofback.TimeRange{From: day.Add(time.Hour + time.Microsecond)}, "c"},
		{"none", proofback.TimeRange{From: day, To: day}, ""},
		{"long ago", proofback.TimeRange{To: time.Unix(0, 0)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clicks, err := m.store.Clicks(t.Context(), m.staff, proofback.ClickFilter{TimeRange: tt.in}, all)
			if got := seen(clicks, clickKey, letters); err != nil || got != tt.want {
				t.Errorf("clicks: %q, want %q (%v)", got, tt.want, err)
			}
			log, err := m.store.Postbacks(t.Context(), m.staff, proofback.PostbackFilter{TimeRange: tt.in}, all)
			if got := seen(log, postbackKey, letters); err != nil || got != tt.want {
				t.Errorf("postbacks: %q, want %q (%v)", got, tt.want, err)
			}
			told, err := m.store.Deliveries(t.Context(), m.staff, proofback.DeliveryFilter{TimeRange: tt.in}, all)
			if got := seen(told, deliveryKey, letters); err != nil || got != tt.want {
				t.Errorf("deliveries: %q, want %q (%v)", got, tt.want, err)
			}
		})
	}
}
