package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// The network that reports are made of, beside the one whose links are followed:
// as many partners as a large one has, a few of which bring most of the clicks.
const (
	marketAdvertisers = 20
	marketOffersEach  = 25
	marketAffiliates  = 200
	marketPairsEach   = 15 // offers of an affiliate
	marketDays        = 90 // that twenty million clicks are spread over
	marketWriters     = 3
)

// market is what the next run must know of the network that reports are made of.
type market struct {
	Now  time.Time // what it is there
	Days int       // that are filled, the newest first
	Each int       // clicks of a day
	// Medians of reports by their names, at the number of days that was filled.
	Medians map[string]map[int]time.Duration
}

// makeMarket makes the partners, with the largest affiliate first, and all pairs
// of an affiliate and an offer.
func (b *bed) makeMarket(ctx context.Context) error {
	system := proofback.System()
	var offers, members []uuid.UUID
	for i := range marketAdvertisers {
		a, _, err := b.store.CreateAdvertiser(ctx, system, proofback.Advertiser{Name: fmt.Sprintf("Market advertiser %d", i)})
		if err != nil {
			return err
		}
		for n := range marketOffersEach {
			o, err := b.store.CreateOffer(ctx, system, a.ID, terms(fmt.Sprintf("Market offer %d.%d", i, n)))
			if err != nil {
				return err
			}
			offers = append(offers, o.ID)
		}
	}
	for i := range marketAffiliates {
		a, err := b.store.CreateAffiliate(ctx, system, proofback.Affiliate{Name: fmt.Sprintf("Market affiliate %d", i)})
		if err != nil {
			return err
		}
		members = append(members, a.ID)
	}
	_, err := b.store.Pool().Exec(ctx, `
		CREATE TABLE bench_pairs AS
		SELECT (a.n - 1) * $3::integer + k AS n, a.id AS affiliate_id, o.id AS offer_id, o.advertiser_id, o.terms_id, g.id AS goal_id,
			gen_random_uuid() AS link_id
		FROM unnest($1::uuid[]) WITH ORDINALITY AS a (id, n)
		CROSS JOIN generate_series(0, $3::integer - 1) AS k
		JOIN unnest($2::uuid[]) WITH ORDINALITY AS f (id, n) ON f.n - 1 = (a.n * 37 + k * k * 11 + k) % cardinality($2::uuid[])
		JOIN offers AS o ON o.id = f.id
		JOIN goals AS g ON g.offer_id = o.id`, members, offers, marketPairsEach)
	if err != nil {
		return err
	}
	_, err = b.store.Pool().Exec(ctx, `
		INSERT INTO rates (currency, day, per_euro, source)
		SELECT currency, current_date + n, per_euro * (1 + (n % 7) * 0.001), 'BENCH'
		FROM generate_series(-120, 1) AS n
		CROSS JOIN (VALUES ('USD', 1.1), ('GBP', 0.86), ('JPY', 171.3), ('SEK', 11.2)) AS r (currency, per_euro)
		ON CONFLICT DO NOTHING`)
	return err
}

// fillMarket sees to it that as many days are filled, from the newest back.
func (b *bed) fillMarket(ctx context.Context, days, each int) error {
	m := &b.Market
	if m.Days == 0 {
		if err := b.makeMarket(ctx); err != nil {
			return err
		}
		// An evening: the day is nearly over, and a report by hours has all of it.
		m.Now = time.Now().UTC().Add(-18 * time.Hour).Truncate(24 * time.Hour).Add(18 * time.Hour)
		m.Each, m.Medians = each, map[string]map[int]time.Duration{}
	}
	if days <= m.Days {
		return nil
	}
	began := time.Now()
	midnight := m.Now.Truncate(24 * time.Hour)
	if _, err := b.store.MakePartitions(ctx, midnight.AddDate(0, 0, 1-days), m.Now); err != nil {
		return err
	}
	g, ctx2 := errgroup.WithContext(ctx)
	g.SetLimit(marketWriters)
	for n := m.Days; n < days; n++ {
		g.Go(func() error { return b.fillMarketDay(ctx2, midnight.AddDate(0, 0, -n)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	progress("stored %d days of %d clicks in %s", days-m.Days, m.Each, time.Since(began).Round(time.Second))
	m.Days = days
	return b.save()
}

// fillMarketDay makes a day's clicks and their conversions, one statement each.
// Random numbers are drawn from a seed, so that every bed is the same.
func (b *bed) fillMarketDay(ctx context.Context, day time.Time) error {
	share := min(1, b.Market.Now.Sub(day).Hours()/24)
	conn, err := b.store.Pool().Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{`SET synchronous_commit = off`, nil},
		{`SELECT setseed($1)`, []any{float64(day.Unix()/86400%1000) / 1000}},
		{fmt.Sprintf(marketClicks, day.Format("20060102")), []any{day, int(share * float64(b.Market.Each)), share * 86_400_000}},
		{fmt.Sprintf(marketConversions, day.Format("20060102")), []any{b.Market.Now, proofback.RateSourceSame}},
		{`RESET synchronous_commit`, nil},
	} {
		if _, err := conn.Exec(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// marketClicks makes $2 clicks in the $3 milliseconds after $1, stored in the order of their
// time, as clicks are that come in. Some affiliates, offers, subs and countries bring far
// more than others.
const marketClicks = `
	INSERT INTO clicks_%s (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id,
		outcome, flags, bot, country, device, ip, source, creative, sub1, sub2)
	SELECT (lpad(to_hex(ms), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15))::uuid,
		to_timestamp(ms / 1000.0), link_id, offer_id, affiliate_id, advertiser_id, terms_id, 0, 0,
		CASE WHEN lot < 0.02 THEN 4 ELSE 0 END, 0, lot > 0.95,
		(ARRAY['DE', 'US', 'GB', 'FR', 'SE', 'NO', 'DK', 'FI', 'NL', 'BE', 'AT', 'CH', 'IT', 'ES', 'PT', 'PL', 'CZ', 'HU', 'RO', 'IE'])[1 + floor(20 * b * b * b)::integer],
		(ARRAY['MOBILE', 'DESKTOP', 'TABLET'])[1 + floor(3 * c * c)::integer],
		'203.0.113.7', 'newsletter', 'banner-' || floor(12 * c), 'campaign-' || floor(40 * d * d), substr(noise, 1, 12)
	FROM (
		SELECT extract(epoch FROM $1::timestamptz)::bigint * 1000 + floor((n + random()) * $3::float8 / $2::integer)::bigint AS ms,
			md5($1::text || n) AS noise, random() AS lot, random() AS b, random() AS c, random() AS d,
			floor(200 * power(random(), 2))::integer * 15 + floor(15 * power(random(), 1.5))::integer AS pair
		FROM generate_series(0, $2::integer - 1) AS n
		OFFSET 0
	) AS drawn
	JOIN bench_pairs ON bench_pairs.n = pair
	ORDER BY ms`

// marketConversions lets one visitor in a hundred buy something within days, but
// not after $1. For one currency there are no rates.
const marketConversions = `
	INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
		status, began, event_at, received_at, click_at, amount, amount_currency, payout, payout_currency, revenue, revenue_currency,
		normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
	SELECT (substr(id::text, 1, 8) || substr(md5(id::text), 1, 24))::uuid, advertiser_id, offer_id, goal_id, affiliate_id, id, terms_id, id, 'sale', id::text,
		status, 'PENDING', event_at, event_at + interval '1 second', at, amount, currency, amount * 0.08, currency, amount * 0.1, currency,
		convert_amount(amount * 0.08, per_euro, 1, 2), convert_amount(amount * 0.1, per_euro, 1, 2),
		CASE WHEN per_euro IS NOT NULL THEN 'EUR' END, CASE WHEN per_euro IS NOT NULL THEN day END, CASE WHEN per_euro IS NOT NULL THEN $2 END
	FROM (
		SELECT chosen.*, (event_at AT TIME ZONE 'UTC')::date AS day, CASE chosen.currency WHEN 'EUR' THEN 1 ELSE rates.per_euro END AS per_euro
		FROM (
			SELECT c.*, p.goal_id, least(at - ln(1 - random()) * interval '12 hours', $1) AS event_at, ((1 + floor(random() * 40)) * 25)::numeric AS amount,
				(ARRAY['EUR', 'EUR', 'EUR', 'EUR', 'USD', 'USD', 'USD', 'GBP', 'GBP', 'JPY', 'SEK', 'SEK', 'VND'])[1 + floor(random() * 12.2)::integer] AS currency,
				(ARRAY['APPROVED', 'APPROVED', 'APPROVED', 'PENDING', 'REJECTED'])[1 + floor(random() * 5)::integer] AS status
			FROM clicks_%s AS c
			JOIN bench_pairs AS p USING (link_id)
			WHERE NOT c.bot AND c.outcome = 0 AND random() < 0.0108
			OFFSET 0
		) AS chosen
		LEFT JOIN rates ON rates.currency = chosen.currency AND rates.day = (event_at AT TIME ZONE 'UTC')::date
	) AS told`
