package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// A request that is alone waits for a round trip less than a batch: whatever it is
// judged by is asked for together with its click, in the transaction that decides it.
// Whose the click is, the click's statement leaves to those after it in settings that
// end with the transaction. What else it takes to ask is known of the request already, as
// nobody in particular would read it; where its advertiser reads it otherwise, it is
// asked again. In all else it is a batch of one.

// errTogether says that a request is to be decided as batches are: something about it
// must be found out first, or somebody else was faster.
var errTogether = errors.New("db: to be decided as a batch is")

// meetClick is asked before what refers to metAffiliate, metAdvertiser and metOffer.
func meetClick(leaf string) string {
	return `SELECT ` + judgedColumns + `, set_config('proofback.met_affiliate', affiliate_id::text, true), (
		SELECT set_config('proofback.met_advertiser', t.advertiser_id::text, true) || set_config('proofback.met_offer', t.offer_id::text, true)
		FROM terms AS t
		WHERE t.id = terms_id)
	FROM ` + leaf + `
	WHERE id = $1`
}

// These are NULL when no click was met.
const (
	metAffiliate  = `nullif(current_setting('proofback.met_affiliate', true), '')::uuid`
	metAdvertiser = `nullif(current_setting('proofback.met_advertiser', true), '')::uuid`
	metOffer      = `nullif(current_setting('proofback.met_offer', true), '')::uuid`
)

// lone is a request that is alone, and what was asked for before its click was known.
type lone struct {
	*decideBatch
	it    *decideItem
	click *proofback.Click
	txid  string
	rates wantedRates
}

// decideLone decides a request, or leaves it to who decides batches with errTogether.
func (s *Store) decideLone(ctx context.Context, setup *Setup, in *Incoming) (log []proofback.Postback, err error) {
	l := lone{decideBatch: &decideBatch{store: s, setup: setup, items: []decideItem{{in: in}}}}
	l.it = &l.items[0]
	l.it.identify(setup)
	leaves, err := s.leaves.get(ctx, s.hot)
	if err != nil {
		return nil, err
	}
	leaf := clickLeaf(l.it.clickID)
	if !l.it.whole || !leaves[leaf] || in.look != nil {
		return nil, errTogether
	}
	if in.Endpoint == nil {
		l.it.read(setup, nil)
	}
	var q pgx.Batch
	l.queue(&q, leaf)
	err = s.hotTx(ctx, &q, func(tx pgx.Tx) (rows *copyIn, err error) {
		if err := l.know(ctx, tx); err != nil {
			return nil, err
		}
		log, rows, err = l.judge(ctx, tx)
		return rows, err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); lostRace(err) || ok && pg.Code == "42P01" { // undefined_table: the leaf was dropped
		return nil, errTogether
	}
	return log, err
}

// queue asks for everything at once.
func (l *lone) queue(q *pgx.Batch, leaf string) {
	l.known = newKnownEvents(1)
	l.queueBegin(q)
	id := []any{l.it.clickID}
	q.Queue(meetClick(leaf), id...).Query(func(rows pgx.Rows) (err error) {
		if rows.Next() {
			l.click, err = scanJudged(rows, nil, nil)
		}
		return errors.Join(err, rows.Err())
	})
	l.queueNonces(q)
	q.Queue(waitingWhere+`click_id = $1`, id...).Query(l.scanWaiting)
	claim := &l.it.reading.Claim
	if l.txid = claim.TxID; l.txid != "" {
		q.Queue(knownWhere+`advertiser_id = `+metAdvertiser+` AND txid = $1`, l.txid).Query(l.scanKnown)
	} else {
		q.Queue(knownWhere+`click_id = $1`, id...).Query(l.scanKnown)
	}
	q.Queue(overridesWhere + `affiliate_id = ` + metAffiliate).Query(l.scanOverrides)
	q.Queue(listenersWhere + `affiliate_id = ` + metAffiliate).Query(l.scanListeners)
	q.Queue(`SELECT o.id FROM (SELECT ` + metOffer + `) AS o (id) ` + whereCapped).Query(l.scanCapped)
	l.wantCurrency(&l.rates, claim.Currency, l.it)
	l.queueRates(q, &l.rates)
}

// know tells the request its click, and brings what was not asked for yet.
func (l *lone) know(ctx context.Context, tx pgx.Tx) error {
	if l.click == nil {
		return errTogether // it may be in a spool
	}
	terms, advertiser, ok := l.setup.atHand(l.click.TermsID)
	if !ok {
		return errTogether
	}
	if err := l.meet(l.it, l.click, terms, advertiser); err != nil || l.isKnown() {
		return err
	}
	var q pgx.Batch
	l.queueKnown(&q)
	return l.store.hotOf(tx.Conn()).ask(ctx, &q)
}

// isKnown reports whether everything was asked for that queueKnown would ask for.
func (l *lone) isKnown() bool {
	r := &l.it.reading
	if r.Claim.TxID != l.txid || !r.FirstReceivedAt.IsZero() || r.Nonce != "" && l.it.in.Endpoint == nil {
		return false
	}
	if goal, ok := l.it.terms.Goal(r.Claim.EventType); ok && l.txid != "" && (goal.OncePerClick || goal.Requires != "") {
		return false
	}
	var wanted wantedRates
	l.wantRates(l.it, &wanted)
	for w := range wanted.seen {
		if !l.rates.seen[w] {
			return false
		}
	}
	return true
}
