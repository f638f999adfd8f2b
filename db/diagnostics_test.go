package db_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// aroundDay is a filter for everything that happens in a market.
var aroundDay = proofback.DiagnosticsFilter{TimeRange: proofback.TimeRange{From: day.AddDate(0, 0, -1), To: day.AddDate(0, 0, 1)}}

func (m *market) diagnose(actor proofback.Actor, f proofback.DiagnosticsFilter) []*proofback.Finding {
	m.t.Helper()
	found, err := m.store.Diagnostics(m.t.Context(), actor, f)
	if err != nil {
		m.t.Fatal(err)
	}
	return found
}

// brief tells findings as "REASON count share", in their order.
func brief(found []*proofback.Finding) string {
	var list []string
	for _, f := range found {
		list = append(list, fmt.Sprintf("%s %d %.2f", f.Reason, f.Count, f.Share))
	}
	return strings.Join(list, ", ")
}

// refused makes a logged request one that ended with a reason.
func refused(r proofback.Reason) func(*proofback.Postback) {
	return func(p *proofback.Postback) {
		p.Result, p.Reason = proofback.ResultRejected, r
		if r == proofback.ReasonDuplicate {
			p.Result = proofback.ResultDuplicate
		}
	}
}

func TestDiagnosticsCountReasonsForWhomTheyConcern(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	a, b := m.click(0, day), m.click(1, day)
	at := func(minutes int) time.Time { return day.Add(time.Duration(minutes) * time.Minute) }
	for i := range 7 {
		m.postback(a, fmt.Sprint(i), at(i), refused(proofback.ReasonUnknownEvent))
	}
	for i := range 3 {
		m.postback(a, fmt.Sprint("ok", i), at(20+i))
	}
	m.postback(b, "b", at(5), refused(proofback.ReasonBelowThreshold))
	m.postback(b, "b", at(6))
	m.postback(b, "b", at(7), refused(proofback.ReasonDuplicate))
	m.postback(nil, "stray", at(8), refused(proofback.ReasonMissingClickID))
	own := func(p *proofback.Postback) { p.AdvertiserID = m.advertisers[1] }
	m.postback(nil, "stray of b", at(9), refused(proofback.ReasonMissingClickID), own)
	// What does not count: replays, tests, and what is out of the range.
	m.postback(a, "again", at(30), refused(proofback.ReasonUnknownEvent), func(p *proofback.Postback) { p.ReplayOf = keyAt(day) })
	m.postback(a, "test", at(31), refused(proofback.ReasonUnknownEvent), func(p *proofback.Postback) { p.AffiliateID = uuid.Nil })
	m.postback(a, "old", at(-2000), refused(proofback.ReasonUnknownEvent))

	for _, tt := range []struct {
		name   string
		actor  proofback.Actor
		filter proofback.DiagnosticsFilter
		want   string
	}{
		{"staff", m.staff, aroundDay, "UNKNOWN_EVENT 7 0.70, MISSING_CLICK_ID 1 0.25, MISSING_CLICK_ID 1 1.00, BELOW_THRESHOLD 1 0.25, DUPLICATE 1 0.25"},
		{"advertiser", m.advertiser, aroundDay, "UNKNOWN_EVENT 7 0.70"},
		{"other advertiser", m.advertiser2, aroundDay, "MISSING_CLICK_ID 1 0.25, BELOW_THRESHOLD 1 0.25, DUPLICATE 1 0.25"},
		{"affiliate", m.affiliate, aroundDay, "UNKNOWN_EVENT 7 0.70"},
		{"other affiliate", m.affiliate2, aroundDay, "BELOW_THRESHOLD 1 0.33, DUPLICATE 1 0.33"},
		{"of an advertiser", m.staff, proofback.DiagnosticsFilter{TimeRange: aroundDay.TimeRange, AdvertiserID: m.advertisers[1]}, "MISSING_CLICK_ID 1 0.25, BELOW_THRESHOLD 1 0.25, DUPLICATE 1 0.25"},
		{"of an offer", m.staff, proofback.DiagnosticsFilter{TimeRange: aroundDay.TimeRange, OfferID: m.offers[1]}, "BELOW_THRESHOLD 1 0.33, DUPLICATE 1 0.33"},
		{"of an affiliate", m.staff, proofback.DiagnosticsFilter{TimeRange: aroundDay.TimeRange, AffiliateID: m.affiliates[0]}, "UNKNOWN_EVENT 7 0.70"},
		{"of somebody else's", m.advertiser, proofback.DiagnosticsFilter{TimeRange: aroundDay.TimeRange, AdvertiserID: m.advertisers[1]}, ""},
		{"a shorter range", m.advertiser, proofback.DiagnosticsFilter{TimeRange: proofback.TimeRange{From: at(5), To: at(21)}}, "UNKNOWN_EVENT 2 0.67"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := m.diagnose(tt.actor, tt.filter)
			if got := brief(found); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			for _, f := range found {
				if len(f.Examples) != min(f.Count, proofback.MaxExamples) || !slices.IsSortedFunc(f.Examples, func(a, b *proofback.Postback) int { return b.ReceivedAt.Compare(a.ReceivedAt) }) {
					t.Errorf("%s has %d examples", f.Reason, len(f.Examples))
				}
				for _, p := range f.Examples {
					if p.Reason != f.Reason || p.ReceivedAt.Before(f.FirstAt) || p.ReceivedAt.After(f.LastAt) {
						t.Errorf("%s has the example %+v", f.Reason, p)
					}
					if (p.URL == "") != (tt.actor.Role == proofback.RoleAffiliate) {
						t.Errorf("%s sees the URL %q", tt.actor.Role, p.URL)
					}
				}
				if (f.AdvertiserID == uuid.Nil) != (tt.actor.Role == proofback.RoleAffiliate || f.Share == 1) {
					t.Errorf("%s sees the advertiser %s", tt.actor.Role, f.AdvertiserID)
				}
			}
		})
	}
	first := m.diagnose(m.advertiser, aroundDay)[0]
	if !first.FirstAt.Equal(at(0)) || !first.LastAt.Equal(at(6)) || first.OfferID != m.offers[0] {
		t.Errorf("from %s to %s, offer %s", first.FirstAt, first.LastAt, first.OfferID)
	}
}

func TestDiagnosticsNoticeThatDuplicatesRise(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	a := m.click(0, day)
	for i := range 60 {
		m.postback(a, fmt.Sprint(i), day.Add(-time.Hour+time.Duration(i)*time.Second))
		reason := proofback.ReasonAccepted
		if i%2 == 0 {
			reason = proofback.ReasonDuplicate
		}
		m.postback(a, fmt.Sprint(i), day.Add(time.Hour+time.Duration(i)*time.Second), func(p *proofback.Postback) {
			if reason == proofback.ReasonDuplicate {
				refused(reason)(p)
			}
		})
	}
	found := m.diagnose(m.advertiser, aroundDay)
	if got := brief(found); got != "DUPLICATES_RISING 30 0.50, DUPLICATE 30 0.25" {
		t.Fatal(got)
	}
	if len(found[0].Examples) != 5 || found[0].Examples[0].Reason != proofback.ReasonDuplicate {
		t.Errorf("examples %v", found[0].Examples)
	}
}

func TestDiagnosticsRefuseARangeThatIsTooLong(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	_, err := m.store.Diagnostics(t.Context(), m.staff, proofback.DiagnosticsFilter{TimeRange: proofback.TimeRange{From: day.AddDate(0, 0, -94), To: day}})
	if proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Error(err)
	}
	if _, err := m.store.Diagnostics(t.Context(), proofback.Actor{}, aroundDay); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Error(err)
	}
}

func TestDiagnosticsReadOnlyThePartitionsOfTheirRange(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
	m.crowd()
	m.exec(`UPDATE postbacks SET result = 'rejected', reason = 'UNKNOWN_EVENT' WHERE txid::int % 500 = 0`)
	m.exec(`ANALYZE postbacks`)
	noon := proofback.DiagnosticsFilter{TimeRange: proofback.TimeRange{From: day, To: day.Add(6 * time.Hour)}}
	for name, actor := range map[string]proofback.Actor{"staff": m.staff, "advertiser": m.advertiser, "affiliate": m.affiliate} {
		t.Run(name, func(t *testing.T) { // one after the other: they share what is sent
			queries := sent.during(t, func() error { _, err := m.store.Diagnostics(t.Context(), actor, noon); return err })
			plan := m.plan(slices.DeleteFunc(slices.Clone(queries), func(q string) bool { return !strings.Contains(q, "postback.reason, postback.advertiser_id") }))
			if !strings.Contains(plan, "postbacks_20260301") || strings.Contains(plan, "postbacks_20260228") || strings.Contains(plan, "postbacks_20260302") {
				t.Errorf("reasons are not counted in one partition:\n%s", plan)
			}
			plan = m.plan(slices.DeleteFunc(slices.Clone(queries), func(q string) bool { return !strings.Contains(q, "WITH ORDINALITY") }))
			if name == "staff" && !strings.Contains(plan, "reason_advertiser_id_id_idx") || strings.Contains(plan, "Seq Scan on postbacks_20260301") {
				t.Errorf("examples are not found by index:\n%s", plan)
			}
		})
	}
}
