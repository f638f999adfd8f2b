package demo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// history tells the month day by day: what staff change at its begin, the day's
// clicks, its postbacks, and what staff decide in the evening. A history
// that was interrupted is not told again: what there is of it is true.
func (l *loader) history(ctx context.Context) error {
	if err := <-l.partitions; err != nil {
		return err
	}
	any, err := l.past.Clicks(ctx, proofback.System(), proofback.ClickFilter{OfferID: l.names[shop]}, proofback.Page{Limit: 1})
	if err != nil || len(any.Items) > 0 {
		return err
	}
	m := &month{loader: l, pending: map[uuid.UUID]time.Time{}}
	for day := range days + 1 {
		if err := m.tell(ctx, day); err != nil {
			return err
		}
	}
	return nil
}

// month is the history as far as it has been told.
type month struct {
	*loader
	due     []event                 // what will be reported
	pending map[uuid.UUID]time.Time // conversions that wait for staff, since when
}

func (m *month) tell(ctx context.Context, day int) error {
	m.clock.set(m.day(day))
	if err := m.changes(ctx, day); err != nil {
		return err
	}
	if err := m.clicks(ctx, day); err != nil {
		return err
	}
	evening := m.day(day + 1)
	if evening.After(m.began) {
		evening = m.began
	}
	m.clock.set(evening)
	if err := m.postbacks(ctx, evening); err != nil {
		return err
	}
	return m.decisions(ctx, evening)
}

// changes are what staff change in the course of the month.
func (m *month) changes(ctx context.Context, day int) error {
	var err error
	switch day {
	case 10: // Kupong24 gets a price of its own
		err = m.ownPrice(ctx)
	case 15: // a better offer for all
		_, err = m.past.UpdateOffer(ctx, m.manager, m.names[shop], func(t *proofback.Terms) {
			t.Goals[0].Payout.Percent, t.Goals[0].Revenue.Percent = "9", "13"
		})
	case 22: // the sale is over
		_, err = m.past.UpdateOffer(ctx, m.manager, m.names[winter], func(t *proofback.Terms) {
			t.Status = proofback.OfferPaused
		})
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return m.setup.Refresh(ctx)
}

func (m *month) ownPrice(ctx context.Context) error {
	found, err := m.past.OffersByID(ctx, proofback.System(), []uuid.UUID{m.names[shop]})
	if err != nil {
		return err
	}
	goal, _ := found[m.names[shop]].Terms.Goal("sale")
	return m.past.SetPayout(ctx, m.manager, db.OwnPrice{
		AffiliateID: m.names[kupong],
		GoalID:      goal.ID,
		Payout:      proofback.Price{Model: proofback.PricePercent, Percent: "10.5"},
	})
}

func (m *month) clicks(ctx context.Context, day int) error {
	var visits []visit
	for i := range m.links {
		at, ok := m.setup.Snapshot().Link(m.links[i].code)
		if ok {
			visits = append(visits, m.visitsOf(&m.links[i], at, day)...)
		}
	}
	slices.SortFunc(visits, func(a, b visit) int { return a.click.At.Compare(b.click.At) })
	clicks := make([]proofback.Click, len(visits))
	for i := range visits {
		v := &visits[i]
		clicks[i] = v.click
		events := m.eventsOf(v)
		m.due = append(m.due, events...)
		if len(events) == 0 && v.converts() && m.began.Sub(v.click.At) < fresh {
			m.fresh = append(m.fresh, v)
		}
	}
	return m.past.InsertClicks(ctx, proofback.System(), clicks)
}

// postbacks sends what is due until a moment, in its order.
func (m *month) postbacks(ctx context.Context, until time.Time) error {
	slices.SortStableFunc(m.due, func(a, b event) int { return a.at.Compare(b.at) })
	n, _ := slices.BinarySearchFunc(m.due, until, func(e event, t time.Time) int { return cmp.Or(e.at.Compare(t), 1) })
	batch := make([]*db.Incoming, n)
	for i, e := range m.due[:n] {
		batch[i] = m.incoming(e)
	}
	m.due = m.due[n:]
	if n == 0 {
		return nil
	}
	log, err := m.past.Decide(ctx, m.setup, batch)
	for _, p := range log {
		m.note(p)
	}
	return err
}

// note keeps track of what waits for staff.
func (m *month) note(p proofback.Postback) {
	switch p.Result {
	case proofback.ResultAccepted:
		m.pending[p.ConversionID] = p.ReceivedAt
	case proofback.ResultUpdated:
		delete(m.pending, p.ConversionID)
	}
}

// decisions are made by staff about what has waited for a week or two.
func (m *month) decisions(ctx context.Context, evening time.Time) error {
	var approve, reject []uuid.UUID
	waiting := slices.SortedFunc(maps.Keys(m.pending), func(a, b uuid.UUID) int {
		return m.pending[a].Compare(m.pending[b])
	})
	for _, id := range waiting {
		switch {
		case evening.Sub(m.pending[id]) < 7*24*time.Hour || m.chance(0.7):
			continue
		case m.chance(0.12):
			reject = append(reject, id)
		default:
			approve = append(approve, id)
		}
		delete(m.pending, id)
	}
	// What is approved already is named as a problem, and stays as it is.
	if len(approve) > 0 {
		if _, _, err := m.past.MoveConversions(ctx, m.manager, approve, proofback.StatusApproved, ""); err != nil {
			return err
		}
	}
	if len(reject) > 0 {
		_, _, err := m.past.MoveConversions(ctx, m.manager, reject, proofback.StatusRejected, pick(m.loader, refusals))
		return err
	}
	return nil
}
