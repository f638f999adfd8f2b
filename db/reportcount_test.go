package db_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// count is a report counted by hand: one row after the other, with the clock on
// the wall and money added line by line.
func (w *reportWorld) count(actor proofback.Actor, in proofback.ReportInput) (rows map[string]*proofback.Metrics, totals *proofback.Metrics) {
	rows, totals = map[string]*proofback.Metrics{}, &proofback.Metrics{}
	row := func(key string) []*proofback.Metrics {
		if rows[key] == nil {
			rows[key] = &proofback.Metrics{}
		}
		return []*proofback.Metrics{rows[key], totals}
	}
	if !slices.ContainsFunc(in.GroupBy, func(d proofback.Dimension) bool { return !d.IsTime() }) {
		for at := in.Range.From; at.Before(in.Range.To); at = at.Add(time.Minute) {
			row(w.key(in, at, nil, nil))
		}
	}
	clicks := map[uuid.UUID]*proofback.Click{}
	for i := range w.clicks {
		k := &w.clicks[i]
		clicks[k.ID] = k
		if k.Outcome != proofback.ClickRedirected || k.IsTest() || !inRange(in, k.At) || !w.wanted(actor, in, k) {
			continue
		}
		for _, m := range row(w.key(in, k.At, k, nil)) {
			if k.Bot {
				m.BotClicks++
			} else {
				m.Clicks++
			}
		}
	}
	for i := range w.conversions {
		c := &w.conversions[i]
		at := c.EventAt
		switch in.Basis {
		case proofback.BasisReceived:
			at = c.ReceivedAt
		case proofback.BasisClick:
			at = c.ClickAt
		}
		types := in.Filter.EventTypes
		if c.Test || !inRange(in, at) || !w.wanted(actor, in, clicks[c.ClickID]) || len(types) > 0 && !slices.Contains(types, c.EventType) {
			continue
		}
		for _, m := range row(w.key(in, at, clicks[c.ClickID], c)) {
			w.add(m, actor, in.Currency, c)
		}
	}
	for _, m := range rows {
		finish(m, actor, in.Currency)
	}
	finish(totals, actor, in.Currency)
	return rows, totals
}

func inRange(in proofback.ReportInput, at time.Time) bool {
	return !at.Before(in.Range.From) && at.Before(in.Range.To)
}

func (w *reportWorld) wanted(actor proofback.Actor, in proofback.ReportInput, k *proofback.Click) bool {
	f := in.Filter
	among := func(list []uuid.UUID, id uuid.UUID) bool { return len(list) == 0 || slices.Contains(list, id) }
	return (actor.AffiliateID == uuid.Nil || actor.AffiliateID == k.AffiliateID) &&
		(actor.AdvertiserID == uuid.Nil || actor.AdvertiserID == k.AdvertiserID) &&
		among(f.OfferIDs, k.OfferID) && among(f.AffiliateIDs, k.AffiliateID) && among(f.AdvertiserIDs, k.AdvertiserID) &&
		(len(f.Countries) == 0 || slices.Contains(f.Countries, k.Country)) &&
		(len(f.Devices) == 0 || slices.Contains(f.Devices, k.Device)) &&
		(f.SubIndex == 0 || k.Subs[f.SubIndex-1] == f.SubValue)
}

// key is what tells a row apart: the values of its dimensions.
func (w *reportWorld) key(in proofback.ReportInput, at time.Time, k *proofback.Click, c *proofback.Conversion) string {
	local := at.In(in.Zone)
	var parts []string
	for _, d := range in.GroupBy {
		v := ""
		switch d {
		case proofback.DimHour:
			v = local.Format("2006-01-02T15-07:00")
		case proofback.DimDay:
			v = local.Format(time.DateOnly)
		case proofback.DimWeek:
			for local := local; ; local = local.AddDate(0, 0, -1) {
				if local.Weekday() == time.Monday {
					v = local.Format(time.DateOnly)
					break
				}
			}
		case proofback.DimMonth:
			v = local.Format("2006-01")
		case proofback.DimOffer:
			v = proofback.GlobalID(proofback.KindOffer, k.OfferID)
		case proofback.DimAffiliate:
			v = proofback.GlobalID(proofback.KindAffiliate, k.AffiliateID)
		case proofback.DimAdvertiser:
			v = proofback.GlobalID(proofback.KindAdvertiser, k.AdvertiserID)
		case proofback.DimGoal:
			if c != nil {
				v = proofback.GlobalID(proofback.KindGoal, c.GoalID)
			}
		case proofback.DimCountry:
			v = k.Country
		case proofback.DimDevice:
			v = string(k.Device)
		case proofback.DimSource:
			v = k.Source
		case proofback.DimCreative:
			v = k.Creative
		default: // SUB1 … SUB10
			n, err := strconv.Atoi(strings.TrimPrefix(string(d), "SUB"))
			if err != nil {
				panic(d)
			}
			v = k.Subs[n-1]
		}
		parts = append(parts, v)
	}
	return strings.Join(parts, "|")
}

// add adds a line.
func (w *reportWorld) add(m *proofback.Metrics, actor proofback.Actor, currency string, c *proofback.Conversion) {
	count := map[proofback.Status]*int64{
		proofback.StatusPending: &m.Pending, proofback.StatusApproved: &m.Approved, proofback.StatusRejected: &m.Rejected,
	}
	*count[c.Status]++
	if c.Status == proofback.StatusRejected {
		return
	}
	rates := w.ratesOn(proofback.RateDay(c.EventAt))
	own := func(sent proofback.Money) (proofback.Money, bool) {
		if sent.IsZero() {
			return proofback.Money{Amount: "0", Currency: currency}, true
		}
		converted, _, ok := rates.Convert(sent, currency)
		return converted, ok
	}
	payout, okPayout := own(c.Payout)
	revenue, okRevenue := own(c.Revenue)
	if actor.SeesPayout() && !okPayout || actor.SeesRevenue() && !okRevenue {
		m.Awaiting++
		if actor.SeesPayout() {
			await(m, proofback.MoneyPayout, c.Payout)
		}
		if actor.SeesRevenue() {
			await(m, proofback.MoneyRevenue, c.Revenue)
		}
		return
	}
	switch {
	case c.Status == proofback.StatusPending && okPayout:
		m.PendingPayout = plus(m.PendingPayout, payout)
	case c.Status == proofback.StatusApproved:
		if okPayout {
			m.Payout = plus(m.Payout, payout)
		}
		if okRevenue {
			m.Revenue = plus(m.Revenue, revenue)
		}
	}
}

func plus(a, b proofback.Money) proofback.Money {
	if a.IsZero() {
		return b
	}
	return proofback.Money{Amount: a.Amount.Add(b.Amount), Currency: b.Currency}
}

func await(m *proofback.Metrics, kind proofback.MoneyKind, sent proofback.Money) {
	if sent.IsZero() {
		return
	}
	for i := range m.AwaitingAmounts {
		if a := &m.AwaitingAmounts[i]; a.Kind == kind && a.Money.Currency == sent.Currency {
			a.Money = plus(a.Money, sent)
			return
		}
	}
	m.AwaitingAmounts = append(m.AwaitingAmounts, proofback.AwaitingAmount{Kind: kind, Money: sent})
}

// finish gives the amounts their minor units and takes out what the actor may not
// see.
func finish(m *proofback.Metrics, actor proofback.Actor, currency string) {
	for _, money := range []*proofback.Money{&m.Payout, &m.PendingPayout, &m.Revenue} {
		if money.IsZero() {
			*money = proofback.Money{Amount: "0", Currency: currency}
		}
		*money = money.Round()
	}
	m.Margin = proofback.Money{Amount: m.Revenue.Amount.Sub(m.Payout.Amount), Currency: currency}.Round()
	slices.SortFunc(m.AwaitingAmounts, func(a, b proofback.AwaitingAmount) int {
		return strings.Compare(string(a.Kind)+a.Money.Currency, string(b.Kind)+b.Money.Currency)
	})
	m.MaskFor(actor)
}
