package db

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// A request that is alone waits for a round trip less than a batch: whatever it is
// judged by is asked for together with its click, in the transaction that decides it.
// What that takes is known of the request already, as nobody in particular would read it;
// where its advertiser reads it otherwise, or there are conversions that it may be about, it is
// asked as of a batch. In all else it is a batch of one.

// errTogether says that a request is to be decided as batches are: something about it
// must be found out first, or somebody else was faster.
var errTogether = errors.New("db: to be decided as a batch is")

// meetClick holds the books and brings a click, with whether there are conversions that a
// request about it may mean: of its advertiser by a transaction id, or of the click.
func meetClick(leaf string, byTxID bool) string {
	known := `SELECT
		FROM conversions AS c
		WHERE c.click_id = $1`
	if byTxID {
		known = `SELECT
		FROM terms AS t
		CROSS JOIN LATERAL (
			SELECT
			FROM conversions AS c
			WHERE c.advertiser_id = t.advertiser_id
			AND c.txid = $2
			OFFSET 0
		) AS c
		WHERE t.id = terms_id`
	}
	return `SELECT ` + judgedColumns + `, EXISTS (` + known + `), ` + holdBooksAlone + `
	FROM ` + leaf + `
	WHERE id = $1`
}

// lone is a request that is alone, and what was asked for before its click was known.
type lone struct {
	*decideBatch
	it    *decideItem
	click *proofback.Click
	txid  string
	told  bool // there are conversions that it may be about
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
	leaf := leaves[clickDayOf(l.it.clickID)]
	if !l.it.whole || leaf == nil || in.look != nil {
		return nil, errTogether
	}
	if in.Endpoint == nil {
		l.it.read(setup, nil)
	}
	var q pgx.Batch
	l.queue(&q, leaf)
	err = s.hotTx(ctx, &q, func(tx pgx.Tx) (rows *hotRows, err error) {
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
func (l *lone) queue(q *pgx.Batch, leaf *clickLeaf) {
	l.known = newKnownEvents(1)
	q.Queue(`BEGIN`)
	claim := &l.it.reading.Claim
	ask, args := leaf.meet, []any{l.it.clickID}
	if l.txid = claim.TxID; l.txid != "" {
		ask, args = leaf.meetByTxID, append(args, l.txid)
	}
	q.Queue(ask, args...).Query(func(rows pgx.Rows) (err error) {
		if rows.Next() {
			c := new(proofback.Click)
			err = rows.Scan(append(judgedInto(c), &l.told, nil)...)
			c.At = c.At.UTC()
			l.click = c
		}
		return errors.Join(err, rows.Err())
	})
	l.queueStanding(q, []uuid.UUID{l.it.clickID})
	l.queueNonces(q)
	l.wantCurrency(claim.Currency, l.it)
	l.expectRates(q)
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
	if err := l.meet(l.it, l.click, terms, advertiser); err != nil {
		return err
	}
	counters := capSet{}
	if l.it.needed(counters); !l.store.counters.has(counters) {
		return errTogether // they are made before a transaction begins
	}
	var q pgx.Batch
	if l.isKnown() {
		l.wanted, l.priced = wantedRates{}, l.setup.Snapshot()
		l.wantRates(l.it, l.priced.Overrides(l.it.click.AffiliateID, l.it.click.OfferID))
	} else {
		l.queueKnown(&q)
	}
	return l.askRest(ctx, tx, &q)
}

// isKnown reports whether everything was asked for that queueKnown would ask for.
func (l *lone) isKnown() bool {
	r := &l.it.reading
	if l.told || r.Claim.TxID != l.txid || !r.FirstReceivedAt.IsZero() || r.Nonce != "" && l.it.in.Endpoint == nil {
		return false
	}
	if goal, ok := l.it.terms.Goal(r.Claim.EventType); ok && l.txid != "" && (goal.OncePerClick || goal.Requires != "") {
		return false
	}
	return true
}
