package db

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// findClicks brings the clicks of a batch and the terms they were made under,
// and reads requests to the plain endpoint with their advertiser's names.
func (b *decideBatch) findClicks(ctx context.Context) error {
	ids := make([]uuid.UUID, 0, len(b.items))
	for i := range b.items {
		if it := &b.items[i]; it.whole {
			ids = append(ids, it.clickID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	clicks, err := b.store.judgedClicks(ctx, ids)
	if err != nil {
		return err
	}
	if err := b.missClicks(ctx, clicks); err != nil {
		return err
	}
	var elsewhere []*decideItem // the terms of whose clicks must be asked for
	var termsIDs []uuid.UUID
	for i := range b.items {
		it := &b.items[i]
		c, ok := clicks[it.clickID]
		if !it.whole || !ok {
			continue
		}
		t, a, ok := b.setup.atHand(c.TermsID)
		if !ok {
			elsewhere, termsIDs = append(elsewhere, it), append(termsIDs, c.TermsID)
			continue
		}
		if err := b.meet(it, c, t, a); err != nil {
			return err
		}
	}
	if len(elsewhere) == 0 {
		return nil
	}
	terms, err := b.setup.TermsByID(ctx, termsIDs)
	if err != nil {
		return err
	}
	for _, it := range elsewhere {
		c := clicks[it.clickID]
		t, ok := terms[c.TermsID]
		if !ok {
			return fmt.Errorf("db: click %s was made under terms %s, which are not there", c.ID, c.TermsID)
		}
		a, err := b.setup.advertiser(ctx, t.AdvertiserID)
		if err != nil {
			return err
		}
		if err := b.meet(it, c, t, a); err != nil {
			return err
		}
	}
	return nil
}

// meet tells a request its click, and reads it with its advertiser's names.
func (b *decideBatch) meet(it *decideItem, c *proofback.Click, t *proofback.Terms, a *proofback.Advertiser) (err error) {
	c.OfferID, c.AdvertiserID = t.OfferID, t.AdvertiserID
	it.click, it.terms = c, t
	if it.zone, err = b.setup.zone(a.TimeZone); err != nil {
		return err
	}
	if it.in.Endpoint == nil {
		it.read(b.setup, a)
	}
	return nil
}

// readTheRest reads requests of which nobody knows whose they are.
func (b *decideBatch) readTheRest() {
	for i := range b.items {
		if it := &b.items[i]; it.click == nil && it.in.Endpoint == nil && it.in.ClickID != nil {
			it.read(b.setup, nil)
		}
	}
}

// missClicks finds out of which clicks that are not stored may be in a spool, and
// takes into clicks what has been stored meanwhile. It is asked in this order: a
// click is stored first, and only then is it not in the spool any more.
func (b *decideBatch) missClicks(ctx context.Context, clicks map[uuid.UUID]*proofback.Click) error {
	var missing []uuid.UUID
	for i := range b.items {
		if it := &b.items[i]; it.whole && clicks[it.clickID] == nil {
			missing = append(missing, it.clickID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	notices, err := b.store.spoolNotices(ctx)
	if err != nil {
		return err
	}
	late, err := b.store.judgedClicks(ctx, missing)
	if err != nil {
		return err
	}
	maps.Copy(clicks, late)
	for i := range b.items {
		it := &b.items[i]
		if !it.whole || clicks[it.clickID] != nil {
			continue
		}
		// Who was told that his click is waited for is not told otherwise before the
		// time is over: what the spools say may lag behind, and is overwritten where
		// two processes hold copies of one.
		made := proofback.UUIDTime(it.clickID)
		it.spooled = it.in.look != nil || slices.ContainsFunc(notices, func(n proofback.SpoolNotice) bool { return n.MayHold(made) })
	}
	return nil
}

// knownEvents are the conversions that a batch's requests may be about.
type knownEvents struct {
	byID      map[uuid.UUID]*proofback.Conversion
	byClick   map[uuid.UUID][]*proofback.Conversion
	byTxID    map[txKey][]*proofback.Conversion
	overrides map[uuid.UUID][]proofback.PayoutOverride // by affiliate
	rates     map[time.Time]proofback.Rates            // by day
	caps      *capCounters
	capped    map[uuid.UUID]bool // offers that have counters
	nonces    nonces
	listeners map[uuid.UUID][]listener  // by affiliate
	waiting   map[uuid.UUID][]uuid.UUID // deferred requests by click
}

// newKnownEvents makes room for those of some requests.
func newKnownEvents(n int) knownEvents {
	return knownEvents{
		byID:      make(map[uuid.UUID]*proofback.Conversion, n),
		byClick:   make(map[uuid.UUID][]*proofback.Conversion, n),
		byTxID:    make(map[txKey][]*proofback.Conversion, n),
		overrides: map[uuid.UUID][]proofback.PayoutOverride{},
		rates:     map[time.Time]proofback.Rates{},
		caps:      newCapCounters(),
		capped:    map[uuid.UUID]bool{},
		listeners: map[uuid.UUID][]listener{},
		waiting:   map[uuid.UUID][]uuid.UUID{},
	}
}

type txKey struct {
	advertiser uuid.UUID
	txid       string
}

// about gives what is known of a click, and of its advertiser's transaction id.
func (k *knownEvents) about(c *proofback.Click, txid string) []*proofback.Conversion {
	known := k.byClick[c.ID]
	if txid == "" {
		return known
	}
	for _, v := range k.byTxID[txKey{c.AdvertiserID, txid}] {
		if v.ClickID != c.ID {
			known = append(known[:len(known):len(known)], v)
		}
	}
	return known
}

func (k *knownEvents) add(c *proofback.Conversion) {
	if k.byID[c.ID] != nil {
		return
	}
	k.byID[c.ID] = c
	k.byClick[c.ClickID] = append(k.byClick[c.ClickID], c)
	if c.TxID != "" {
		key := txKey{c.AdvertiserID, c.TxID}
		k.byTxID[key] = append(k.byTxID[key], c)
	}
}

// fold makes a decision known to those that follow it in the batch.
func (k *knownEvents) fold(d *proofback.Decision, zone *time.Location) {
	switch {
	case d.Made != nil:
		k.add(d.Made)
		k.caps.take(nil, d.Made, zone)
	case d.Moved != nil:
		c := k.byID[d.ConversionID]
		before := *c
		d.Moved.ApplyTo(c)
		k.caps.take(&before, c, zone)
	}
}

// queueKnown asks for the conversions that a batch is judged by, and notes which rates.
func (b *decideBatch) queueKnown(q *pgx.Batch) {
	b.known = newKnownEvents(len(b.items))
	b.queueNonces(q)
	b.wanted, b.asked = wantedRates{}, wantedRates{}
	b.priced = b.setup.Snapshot()
	advertisers := make([]uuid.UUID, 0, len(b.items))
	txids := make([]string, 0, len(b.items))
	var clicks []uuid.UUID
	for i := range b.items {
		it := &b.items[i]
		if it.click == nil {
			continue
		}
		b.wantRates(it, b.priced.Overrides(it.click.AffiliateID, it.click.OfferID))
		txid := it.reading.Claim.TxID
		if txid != "" {
			advertisers, txids = append(advertisers, it.click.AdvertiserID), append(txids, txid)
		}
		if goal, ok := it.terms.Goal(it.reading.Claim.EventType); ok && (txid == "" || goal.OncePerClick || goal.Requires != "") {
			clicks = append(clicks, it.click.ID)
		}
	}
	if len(txids) > 0 {
		q.Queue(knownByTxID, advertisers, txids).Query(b.scanKnown)
	}
	if len(clicks) > 0 { // where it matters what else has come of them
		q.Queue(knownWhere+`click_id = ANY ($1)`, clicks).Query(b.scanKnown)
	}
	b.queueFirstReceived(q, clicks, advertisers, txids)
}

// wantRates notes the rates that a request may be judged or normalised by, given the
// affiliate's own prices: those of every currency in play, unless there is only one.
func (b *decideBatch) wantRates(it *decideItem, own []proofback.PayoutOverride) {
	goal, ok := it.terms.Goal(it.reading.Claim.EventType)
	if !ok {
		return
	}
	inPlay := []string{it.reading.Claim.Currency, goal.Payout.Currency, goal.Revenue.Currency, goal.MinimumAmount.Currency}
	for _, o := range own {
		inPlay = append(inPlay, o.Payout.Currency)
	}
	for _, c := range inPlay {
		b.wantCurrency(c, it)
	}
}

// wantCurrency notes the rates between a currency and the network's on the day of a
// request's event.
func (b *decideBatch) wantCurrency(currency string, it *decideItem) {
	if own := b.store.currency; currency != "" && currency != own {
		day := proofback.RateDay(it.eventAt())
		b.wanted.add(currency, day)
		b.wanted.add(own, day)
	}
}

// cappedQuery brings those of some offers that have counters of conversions at all.
const cappedQuery = `SELECT o.id
	FROM unnest($1::uuid[]) AS o (id)
	WHERE EXISTS (
		SELECT
		FROM cap_usage AS u
		WHERE u.offer_id = o.id
		AND u.metric IN ('CONVERSIONS', 'PAYOUT'))`

func (b *decideBatch) scanCapped(rows pgx.Rows) error {
	for rows.Next() {
		var id uuid.UUID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		b.known.capped[id] = true
	}
	return rows.Err()
}

// holdCaps takes hold of the counters that the batch's conversions count for.
func (b *decideBatch) holdCaps(ctx context.Context, tx pgx.Tx) error {
	may, must := capSet{}, capSet{}
	for i := range b.items {
		it := &b.items[i]
		if it.click == nil {
			continue
		}
		before := len(must)
		if it.needed(must); len(must) > before {
			b.known.capped[it.click.OfferID] = true
		}
		if b.standing != nil && b.standing.capped[it.click.OfferID] {
			b.known.capped[it.click.OfferID] = true
		}
	}
	if len(b.known.capped) == 0 {
		return nil
	}
	for i := range b.items {
		it := &b.items[i]
		if it.click == nil {
			continue
		}
		if b.known.capped[it.click.OfferID] {
			may.addAll(it.click.OfferID, it.eventAt(), it.zone)
		}
		for _, known := range b.known.about(it.click, it.reading.Claim.TxID) {
			if b.known.capped[known.OfferID] {
				may.addAll(known.OfferID, known.EventAt, it.zone)
			}
		}
	}
	var err error
	if b.known.caps, err = holdCaps(ctx, tx, may, must); err != nil {
		return err
	}
	return b.known.caps.counted(must)
}

// knownWhere brings what tells whether a request is about a conversion, and
// whether it contradicts it, and what it counts for.
const knownWhere = `SELECT id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, event_type, coalesce(txid, ''),
		status, began, reason, event_at, received_at, test,
		coalesce(amount::text, ''), coalesce(amount_currency, ''),
		coalesce(payout::text, ''), coalesce(payout_currency, ''),
		coalesce(revenue::text, ''), coalesce(revenue_currency, ''),
		coalesce(normal_payout::text, ''), coalesce(normal_currency, ''),
		lower(claims), upper(claims),
		(SELECT ARRAY[coalesce(sum(a.amount), 0), coalesce(sum(a.payout), 0), coalesce(sum(a.revenue), 0)]::text[]
		 FROM adjustments AS a
		 WHERE a.conversion_id = conversions.id
		 AND a.kind = 'AMOUNT')
	FROM conversions
	WHERE `

// knownByTxID is asked by several transaction ids, and asks for one after the other: OFFSET
// keeps Postgres from reading a table whole that was small when it planned this.
const knownByTxID = `SELECT known.*
	FROM unnest($1::uuid[], $2::text[]) AS told (advertiser, txid)
	CROSS JOIN LATERAL (` + knownWhere + `advertiser_id = told.advertiser
		AND txid = told.txid
		OFFSET 0
	) AS known`

func (b *decideBatch) scanKnown(rows pgx.Rows) error {
	for rows.Next() {
		var c proofback.Conversion
		var from, to *time.Time
		var corrected [3]proofback.Decimal
		err := rows.Scan(&c.ID, &c.AdvertiserID, &c.OfferID, &c.GoalID, &c.AffiliateID, &c.ClickID, &c.EventType, &c.TxID,
			&c.Status, &c.Began, &c.Reason, &c.EventAt, &c.ReceivedAt, &c.Test,
			&c.Amount.Amount, &c.Amount.Currency,
			&c.Payout.Amount, &c.Payout.Currency,
			&c.Revenue.Amount, &c.Revenue.Currency,
			&c.Normalized.Payout.Amount, &c.Normalized.Payout.Currency,
			&from, &to, &corrected)
		if err != nil {
			return err
		}
		c.EventAt, c.ReceivedAt = c.EventAt.UTC(), c.ReceivedAt.UTC()
		c.Corrected = proofback.CorrectedBy{Amount: corrected[0], Payout: corrected[1], Revenue: corrected[2]}
		if from != nil {
			c.Claims.From = from.UTC()
		}
		if to != nil {
			c.Claims.To = to.UTC()
		}
		b.known.add(&c)
	}
	return rows.Err()
}

const overridesQuery = `SELECT id, affiliate_id, offer_id, goal_id, payout, valid_from, created_at
	FROM payout_overrides
	WHERE affiliate_id = ANY ($1)`

func (b *decideBatch) scanOverrides(rows pgx.Rows) error {
	for rows.Next() {
		var o proofback.PayoutOverride
		if err := rows.Scan(&o.ID, &o.AffiliateID, &o.OfferID, &o.GoalID, &o.Payout, &o.From, &o.CreatedAt); err != nil {
			return err
		}
		b.known.overrides[o.AffiliateID] = append(b.known.overrides[o.AffiliateID], o)
	}
	return rows.Err()
}
