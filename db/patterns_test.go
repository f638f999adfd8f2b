package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// only keeps the findings of one reason.
func only(found []*proofback.Finding, r proofback.Reason) []*proofback.Finding {
	var list []*proofback.Finding
	for _, f := range found {
		if f.Reason == r {
			list = append(list, f)
		}
	}
	return list
}

func (m *market) pixel(click uuid.UUID, at time.Time) {
	m.t.Helper()
	err := m.store.RecordPixelSignals(m.t.Context(), []proofback.PixelSignal{{ID: keyAt(at), At: at, ClickID: click, EventType: "sale"}})
	if err != nil {
		m.t.Fatal(err)
	}
}

func TestDiagnosticsNoticeAPixelWithoutItsPostback(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	answered, early, late, silent, silent2 := m.click(0, day), m.click(0, day), m.click(0, day), m.click(0, day), m.click(0, day)
	test := m.click(0, day, func(c *proofback.Click) { c.AffiliateID, c.LinkID, c.Flags = uuid.Nil, uuid.Nil, proofback.FlagTest })
	for _, c := range []*proofback.Click{answered, early, late, silent, test} {
		m.pixel(c.ID, day.Add(time.Minute))
	}
	m.pixel(silent2.ID, day.Add(2*time.Minute))
	m.pixel(silent2.ID, day.Add(3*time.Minute)) // the page was loaded again
	m.pixel(keyAt(day), day)                    // of a click that is not stored
	m.postback(answered, "1", day.Add(time.Hour))
	m.postback(early, "2", day.Add(-time.Hour), refused(proofback.ReasonUnknownEvent))
	m.postback(late, "3", day.Add(30*time.Hour))

	found := only(m.diagnose(m.staff, aroundDay), proofback.ReasonPixelWithoutPostback)
	if got := brief(found); got != "PIXEL_WITHOUT_POSTBACK 3 0.60" {
		t.Fatal(got)
	}
	f := found[0]
	if f.AdvertiserID != m.advertisers[0] || f.OfferID != m.offers[0] || !f.FirstAt.Equal(day.Add(time.Minute)) || !f.LastAt.Equal(day.Add(2*time.Minute)) {
		t.Errorf("%+v", f)
	}
	if len(f.Clicks) != 3 || f.Clicks[0].ID != silent2.ID || len(f.Examples) != 0 {
		t.Errorf("clicks %v", f.Clicks)
	}
	for _, actor := range []proofback.Actor{m.advertiser, m.affiliate} {
		if got := brief(only(m.diagnose(actor, aroundDay), proofback.ReasonPixelWithoutPostback)); got != "PIXEL_WITHOUT_POSTBACK 3 0.60" {
			t.Errorf("%s sees %q", actor.Role, got)
		}
	}
	for _, actor := range []proofback.Actor{m.advertiser2, m.affiliate2} {
		if got := brief(m.diagnose(actor, aroundDay)); got != "" {
			t.Errorf("another %s sees %q", actor.Role, got)
		}
	}
}

func TestDiagnosticsWaitADayForAPixelsPostback(t *testing.T) {
	t.Parallel()
	m := newMarket(t, func(c *db.Config) { c.Now = func() time.Time { return day.Add(25 * time.Hour) } })
	older, newer := m.click(0, day), m.click(0, day)
	m.pixel(older.ID, day.Add(59*time.Minute))
	m.pixel(newer.ID, day.Add(61*time.Minute))
	found := only(m.diagnose(m.staff, proofback.DiagnosticsFilter{}), proofback.ReasonPixelWithoutPostback)
	if got := brief(found); got != "PIXEL_WITHOUT_POSTBACK 1 1.00" || found[0].Clicks[0].ID != older.ID {
		t.Error(got)
	}
}

// visits stores many clicks of an affiliate's link on the first offer, and as many
// conversions of them.
func (m *market) visits(affiliate, link uuid.UUID, clicks, conversions int) {
	m.t.Helper()
	m.exec(`
		WITH made AS (
			INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id, outcome, flags, bot, device)
			SELECT uuid_v7($1::timestamptz + i * interval '1 s'), $1::timestamptz + i * interval '1 s', $2, $3, $4, $5, $3, 0, 0, 0, 0, false, 'MOBILE'
			FROM generate_series(1, $6) AS i
			RETURNING id, at)
		INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
			status, began, event_at, received_at, click_at)
		SELECT made.id, $5, $3, $3, $4, id, id, id, 'sale', id::text, 'REJECTED', 'REJECTED', at, at, at
		FROM made
		ORDER BY made.id
		LIMIT $7`, day, link, m.offers[0], affiliate, m.advertisers[0], clicks, conversions)
	m.exec(`INSERT INTO tracking_links (id, code, offer_id, affiliate_id, created_at) VALUES ($1, $2, $3, $4, $5)`, link, link.String(), m.offers[0], affiliate, day)
}

func TestDiagnosticsNoticeClicksThatNeverConvert(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	third, fourth := keyAt(day), keyAt(day)
	for i, id := range []uuid.UUID{third, fourth} {
		m.exec(`INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, $2, 'ACTIVE', 'EUR', $3)`, id, []string{"third", "fourth"}[i], day)
	}
	// The first affiliate has two links without a conversion; the second one that
	// converts and one that does not; the third converts; the fourth is small.
	m.visits(m.affiliates[0], keyAt(day), 120, 0)
	m.visits(m.affiliates[0], keyAt(day), 40, 0)
	dead := keyAt(day)
	m.visits(m.affiliates[1], dead, 200, 0)
	m.visits(m.affiliates[1], keyAt(day), 300, 30)
	m.visits(third, keyAt(day), 300, 30)
	m.visits(fourth, keyAt(day), 60, 0)
	bots := m.click(0, day, func(c *proofback.Click) { c.Bot = true })

	found := m.diagnose(m.staff, aroundDay)
	if got := brief(found); got != "CLICKS_NEVER_CONVERT 200 1.00, CLICKS_NEVER_CONVERT 160 1.00" {
		t.Fatal(got)
	}
	link, affiliate := found[0], found[1]
	if link.AffiliateID != m.affiliates[1] || link.LinkID != dead || affiliate.AffiliateID != m.affiliates[0] || affiliate.LinkID != uuid.Nil || affiliate.OfferID != m.offers[0] {
		t.Errorf("%+v and %+v", link, affiliate)
	}
	for _, f := range found {
		if len(f.Clicks) != proofback.MaxExamples || f.Clicks[0].AffiliateID != f.AffiliateID || f.Clicks[0].ID == bots.ID {
			t.Errorf("clicks %v", f.Clicks)
		}
	}
	for _, tt := range []struct {
		actor proofback.Actor
		want  string
	}{
		{m.advertiser, "CLICKS_NEVER_CONVERT 200 1.00, CLICKS_NEVER_CONVERT 160 1.00"},
		{m.advertiser2, ""},
		{m.affiliate, "CLICKS_NEVER_CONVERT 160 1.00"},
		{m.affiliate2, "CLICKS_NEVER_CONVERT 200 1.00"},
		{proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: third}, ""},
	} {
		if got := brief(m.diagnose(tt.actor, aroundDay)); got != tt.want {
			t.Errorf("%s sees %q, want %q", tt.actor.Role, got, tt.want)
		}
	}
	f := aroundDay
	f.AffiliateID = m.affiliates[0]
	if got := brief(m.diagnose(m.staff, f)); got != "CLICKS_NEVER_CONVERT 160 1.00" {
		t.Errorf("of an affiliate: %q", got)
	}
}

// rhythm stores requests about the first offer, each so many minutes from a
// moment until another.
func (m *market) rhythm(from, to time.Time, minutes int) {
	m.t.Helper()
	m.exec(`SELECT make_partitions($1::date, $2::date)`, from, to)
	m.exec(`
		INSERT INTO postbacks (id, received_at, method, url, remote_ip, parameters, advertiser_id, offer_id, affiliate_id, click_id, result, reason,
			message, checks, response_status, response_body, duration)
		SELECT uuid_v7(at), at, 'GET', '', '', '[]', $4, $5, $6, uuid_v7(at), 'accepted', 'ACCEPTED', '', '[]', 200, '', '1 ms'
		FROM generate_series($1::timestamptz, $2::timestamptz, $3 * interval '1 minute') AS at`,
		from, to, minutes, m.advertisers[0], m.offers[0], m.affiliates[0])
}

func TestDiagnosticsNoticeThatPostbacksStopped(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.rhythm(day.AddDate(0, 0, -10), day, 15)
	other := m.click(1, day) // of another advertiser, too few to have a rhythm
	m.postback(other, "1", day.AddDate(0, 0, -1))
	at := func(hours int) proofback.DiagnosticsFilter {
		return proofback.DiagnosticsFilter{TimeRange: proofback.TimeRange{From: day.AddDate(0, 0, -1), To: day.Add(time.Duration(hours) * time.Hour)}}
	}
	if got := brief(m.diagnose(m.staff, at(2))); got != "" {
		t.Errorf("after two hours, when eight are missing: %q", got)
	}
	found := m.diagnose(m.staff, at(5))
	if got := brief(found); got != "POSTBACKS_STOPPED 20 1.00" && got != "POSTBACKS_STOPPED 16 1.00" {
		t.Fatalf("after five hours: %q", got)
	}
	f := found[0]
	if f.AdvertiserID != m.advertisers[0] || f.OfferID != uuid.Nil || !f.FirstAt.Equal(day) || !f.LastAt.Equal(day.Add(5*time.Hour)) {
		t.Errorf("%+v", f)
	}
	if len(f.Examples) != proofback.MaxExamples || !f.Examples[0].ReceivedAt.Equal(day) {
		t.Errorf("examples %v", f.Examples)
	}
	for actor, want := range map[*proofback.Actor]uuid.UUID{&m.advertiser: uuid.Nil, &m.affiliate: m.offers[0]} {
		found := m.diagnose(*actor, at(5))
		if len(found) != 1 || found[0].OfferID != want {
			t.Errorf("%s sees %s", actor.Role, brief(found))
		}
	}
	f2 := at(5)
	f2.OfferID = m.offers[0]
	if found := m.diagnose(m.staff, f2); len(found) != 1 || found[0].OfferID != m.offers[0] || len(found[0].Examples) != proofback.MaxExamples {
		t.Errorf("of the offer: %s", brief(found))
	}
	for _, actor := range []proofback.Actor{m.advertiser2, m.affiliate2} {
		if got := brief(m.diagnose(actor, at(5))); got != "" {
			t.Errorf("another %s sees %q", actor.Role, got)
		}
	}
	m.exec(`UPDATE offers SET status = 'PAUSED'`)
	if got := brief(m.diagnose(m.staff, at(5))); got != "" {
		t.Errorf("of an offer that is paused: %q", got)
	}
}
