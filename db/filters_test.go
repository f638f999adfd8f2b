package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

func TestClickFilters(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	yes, no := true, false
	a := m.click(0, day, func(c *proofback.Click) { c.Country, c.Bot = "DE", true })
	b := m.click(0, day, func(c *proofback.Click) { c.Device, c.Subs[0] = proofback.DeviceDesktop, "it's" })
	c := m.click(1, day, func(c *proofback.Click) { c.Subs[9] = "it's" })
	letters := map[uuid.UUID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
	for name, tt := range map[string]struct {
		filter proofback.ClickFilter
		want   string
	}{
		"none":      {proofback.ClickFilter{}, "abc"},
		"offer":     {proofback.ClickFilter{OfferID: m.offers[0]}, "ab"},
		"affiliate": {proofback.ClickFilter{AffiliateID: m.affiliates[1]}, "c"},
		"click":     {proofback.ClickFilter{ClickID: b.ID}, "b"},
		"sub1":      {proofback.ClickFilter{SubIndex: 1, SubValue: "it's"}, "b"},
		"sub10":     {proofback.ClickFilter{SubIndex: 10, SubValue: "it's"}, "c"},
		"country":   {proofback.ClickFilter{Country: "DE"}, "a"},
		"device":    {proofback.ClickFilter{Device: proofback.DeviceMobile}, "ac"},
		"bots":      {proofback.ClickFilter{Bot: &yes}, "a"},
		"no bots":   {proofback.ClickFilter{Bot: &no}, "bc"},
		"together":  {proofback.ClickFilter{TimeRange: week, OfferID: m.offers[0], Bot: &no}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := m.store.Clicks(t.Context(), m.staff, tt.filter, all)
			if got := seen(w, clickKey, letters); err != nil || got != tt.want {
				t.Errorf("got %q, want %q (%v)", got, tt.want, err)
			}
		})
	}
	for _, index := range []int{-1, 11} {
		_, err := m.store.Clicks(t.Context(), m.staff, proofback.ClickFilter{SubIndex: index}, all)
		if proofback.CodeOf(err) != proofback.CodeInvalid {
			t.Errorf("sub%d: %v", index, err)
		}
	}
}

func TestConversionFilters(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	early, late := m.click(0, day), m.click(1, day.Add(time.Hour))
	a := m.conversion(early, "T-1", day.Add(time.Minute), func(c *proofback.Conversion) { c.ReceivedAt = day.Add(3 * time.Hour) })
	b := m.conversion(early, "", day.Add(2*time.Minute), func(c *proofback.Conversion) { c.Status = proofback.StatusRejected })
	c := m.conversion(late, "T-1", day.Add(2*time.Hour), func(c *proofback.Conversion) {
		c.Status, c.EventType = proofback.StatusApproved, "lead"
	})
	letters := map[uuid.UUID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
	hour := proofback.TimeRange{From: day, To: day.Add(time.Hour)}
	for name, tt := range map[string]struct {
		filter proofback.ConversionFilter
		want   string
	}{
		"none":           {proofback.ConversionFilter{}, "abc"},
		"by event":       {proofback.ConversionFilter{TimeRange: hour}, "ab"},
		"by receipt":     {proofback.ConversionFilter{TimeRange: hour, Basis: proofback.BasisReceived}, "b"},
		"received since": {proofback.ConversionFilter{TimeRange: proofback.TimeRange{From: day.Add(2 * time.Hour)}, Basis: proofback.BasisReceived}, "ac"},
		"received until": {proofback.ConversionFilter{TimeRange: proofback.TimeRange{To: day.Add(3 * time.Hour)}, Basis: proofback.BasisReceived}, "bc"},
		"by click":       {proofback.ConversionFilter{TimeRange: proofback.TimeRange{From: day.Add(time.Hour)}, Basis: proofback.BasisClick}, "c"},
		"offer":          {proofback.ConversionFilter{OfferID: m.offers[0]}, "ab"},
		"affiliate":      {proofback.ConversionFilter{AffiliateID: m.affiliates[1]}, "c"},
		"advertiser":     {proofback.ConversionFilter{AdvertiserID: m.advertisers[0]}, "ab"},
		"event type":     {proofback.ConversionFilter{EventType: "lead"}, "c"},
		"statuses":       {proofback.ConversionFilter{Statuses: []proofback.Status{proofback.StatusApproved, proofback.StatusRejected}}, "bc"},
		"transaction id": {proofback.ConversionFilter{TransactionID: "T-1"}, "ac"},
		"click":          {proofback.ConversionFilter{ClickID: early.ID}, "ab"},
		"together":       {proofback.ConversionFilter{TransactionID: "T-1", AdvertiserID: m.advertisers[1]}, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, by := range []proofback.ConversionTime{proofback.ByEventAt, proofback.ByReceivedAt} {
				w, err := m.store.Conversions(t.Context(), m.staff, tt.filter, proofback.ConversionOrder{By: by}, all)
				if got := seen(w, conversionKey, letters); err != nil || got != tt.want {
					t.Errorf("got %q, want %q (%v)", got, tt.want, err)
				}
			}
		})
	}
}

func TestPostbackFilters(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	first, second := m.click(0, day), m.click(1, day)
	a := m.postback(first, "T-1", day, made(m.conversion(first, "T-1", day)))
	b := m.postback(first, "T-1", day.Add(time.Hour), func(p *proofback.Postback) {
		p.Result, p.Reason = proofback.ResultDuplicate, proofback.ReasonDuplicate
	})
	c := m.postback(second, "", day, func(p *proofback.Postback) {
		p.Result, p.Reason = proofback.ResultRejected, proofback.ReasonMissingEvent
	})
	letters := map[uuid.UUID]string{a.ID: "a", b.ID: "b", c.ID: "c"}
	for name, tt := range map[string]struct {
		filter proofback.PostbackFilter
		want   string
	}{
		"none":           {proofback.PostbackFilter{}, "abc"},
		"advertiser":     {proofback.PostbackFilter{AdvertiserID: m.advertisers[1]}, "c"},
		"results":        {proofback.PostbackFilter{Results: []proofback.Result{proofback.ResultDuplicate, proofback.ResultRejected}}, "bc"},
		"reasons":        {proofback.PostbackFilter{Reasons: []proofback.Reason{proofback.ReasonMissingEvent}}, "c"},
		"click":          {proofback.PostbackFilter{ClickID: first.ID}, "ab"},
		"transaction id": {proofback.PostbackFilter{TransactionID: "T-1"}, "ab"},
		"together":       {proofback.PostbackFilter{TransactionID: "T-1", TimeRange: proofback.TimeRange{From: day.Add(time.Minute)}}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := m.store.Postbacks(t.Context(), m.staff, tt.filter, all)
			if got := seen(w, postbackKey, letters); err != nil || got != tt.want {
				t.Errorf("got %q, want %q (%v)", got, tt.want, err)
			}
		})
	}
}

func TestDeliveryFilters(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	one, other, foreign := m.destination(0), m.destination(0), m.destination(1)
	c := m.conversion(m.click(0, day), "T", day)
	a, b := m.delivery(c, one, day, 0), m.delivery(c, other, day, 0)
	d := m.delivery(m.conversion(m.click(1, day), "T", day), foreign, day, 0)
	m.exec(`UPDATE deliveries SET status = 'DELIVERED' WHERE id = $1`, b)
	letters := map[uuid.UUID]string{a: "a", b: "b", d: "d"}
	for name, tt := range map[string]struct {
		filter proofback.DeliveryFilter
		want   string
	}{
		"none":        {proofback.DeliveryFilter{}, "abd"},
		"affiliate":   {proofback.DeliveryFilter{AffiliateID: m.affiliates[0]}, "ab"},
		"destination": {proofback.DeliveryFilter{DestinationID: one}, "a"},
		"statuses":    {proofback.DeliveryFilter{Statuses: []proofback.DeliveryStatus{proofback.DeliveryDelivered}}, "b"},
		"together":    {proofback.DeliveryFilter{AffiliateID: m.affiliates[0], Statuses: []proofback.DeliveryStatus{proofback.DeliveryFailed}}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := m.store.Deliveries(t.Context(), m.staff, tt.filter, all)
			if got := seen(w, deliveryKey, letters); err != nil || got != tt.want {
				t.Errorf("got %q, want %q (%v)", got, tt.want, err)
			}
		})
	}
}
