package db

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// Incoming is a postback that waits to be decided.
type Incoming struct {
	ID         uuid.UUID // UUIDv7
	ReceivedAt time.Time
	// Endpoint is the advertiser whose own endpoint was called, nil on /postback.
	Endpoint *proofback.Advertiser
	// Read reads the request as its sender means it; the zero Sender stands for
	// nobody known. It is pure: without ClickID it is called again once the click has
	// told whose the request is.
	Read func(proofback.Sender) proofback.Reading
	// ClickID is the click id that Read finds for nobody known. With it a request to the
	// plain endpoint is only read once its click has told whose it is, or there is none.
	// Left out, the request is read for it.
	ClickID func() (uuid.UUID, proofback.ClickIDState)
	// Sent is what Read reads. It is kept, encrypted, while nobody knows whose the
	// request is because its click is not stored yet. Without it such a request is
	// decided as it was read for nobody, and proves nothing.
	Sent     *Sent
	Method   string
	URL      string // masked
	RemoteIP string
	ReplayOf uuid.UUID
	// DecidedAt is when it was decided, for what is told of the past; left out, it
	// is decided now.
	DecidedAt time.Time

	look *pastLook // set when it is a deferred request that is looked at again
}

// Sent is a request as it came.
type Sent struct {
	Request     proofback.PostbackRequest
	Credentials proofback.Credentials
}

// size is about how much memory its texts take.
func (in *Incoming) size() int {
	n := len(in.URL)
	if in.Sent != nil {
		n += len(in.Sent.Request.RawQuery) + len(in.Sent.Request.Body)
	}
	return n
}

// decideAttempts bounds how often a batch that lost a race is decided anew. Each
// round sees the winners of the last, so one is nearly always enough.
const decideAttempts = 10

// Decide decides a batch of postbacks in its order, and stores everything that
// follows in one transaction: the log, conversions, transitions, ledger entries
// and deliveries with their job. It gives one log record per request. A batch of
// one and a batch of five hundred are the same code.
//
// Exactly-once is the database's: whoever loses a race to a unique key or an
// exclusion is decided again with the winner in sight. With an error nothing of
// the batch was stored, but for ErrInDoubt.
func (s *Store) Decide(ctx context.Context, setup *Setup, batch []*Incoming) ([]proofback.Postback, error) {
	if len(batch) == 1 {
		if log, err := s.decideLone(ctx, setup, batch[0]); !errors.Is(err, errTogether) {
			return log, domainError(err)
		}
	}
	b, err := s.gather(ctx, setup, batch)
	if err != nil {
		return nil, domainError(err)
	}
	if err := b.makeCounters(ctx); err != nil {
		return nil, domainError(err)
	}
	for attempt := 1; ; attempt++ {
		log, err := b.decideOnce(ctx)
		if err == nil {
			return log, nil
		}
		if attempt == decideAttempts || !lostRace(err) {
			return nil, domainError(err)
		}
	}
}

// gather reads the requests of a batch and brings their clicks.
func (s *Store) gather(ctx context.Context, setup *Setup, batch []*Incoming) (*decideBatch, error) {
	b := &decideBatch{store: s, setup: setup, items: make([]decideItem, len(batch))}
	for i, in := range batch {
		b.items[i] = decideItem{in: in}
		b.items[i].identify(b.setup)
	}
	if err := b.findClicks(ctx); err != nil {
		return nil, err
	}
	b.readTheRest()
	return b, nil
}

// errMovedMeanwhile says that a conversion was not where it was seen.
var errMovedMeanwhile = errors.New("db: a conversion moved meanwhile")

// lostRace reports whether another transaction was faster, so that deciding anew
// will see what it did; that of a migration, too.
func lostRace(err error) bool {
	if outgrown(err) || errors.Is(err, errMovedMeanwhile) || errors.Is(err, errNotCounted) || violates(err, "conversions_txid") || violates(err, "conversions_claims") || violates(err, "webhook_nonces_once") ||
		violates(err, "conversions_closed_month") || violates(err, "adjustments_closed_month") || violates(err, "adjustments_item_once") {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40P01" || pg.Code == "40001") // deadlock, serialization failure
}

// decideBatch is a batch on its way through Decide.
type decideBatch struct {
	store *Store
	setup *Setup
	items []decideItem
	known knownEvents
	books proofback.Books

	standing *Snapshot // the set-up that holds; nil when it must be asked for
	priced   *Snapshot // by whose prices rates are wanted, before it is known which holds

	wanted, asked wantedRates // rates that requests may be judged by, and those that the database was asked for
	ratesVersion  uuid.UUID   // of the rates that stand; uuid.Nil when that is not known

	waits bool  // some requests may wait for the batch's clicks
	xact  int64 // the transaction's id

	preview  bool        // decide, and store nothing
	toLookAt []uuid.UUID // deferred requests that a job is to look at
}

// decideItem is one request of a batch and what is known about it.
type decideItem struct {
	in       *Incoming
	reading  proofback.Reading
	clickID  uuid.UUID // that is looked up, when it is whole
	whole    bool
	sender   uuid.UUID // the advertiser it was read for, if any
	guard    *proofback.Guard
	names    []proofback.NameMapping // of that advertiser
	click    *proofback.Click
	spooled  bool // there is no click, but it may be in a spool
	terms    *proofback.Terms
	zone     *time.Location // the advertiser's
	decision *proofback.Decision
}

// identify finds out which click the request is about.
func (it *decideItem) identify(setup *Setup) {
	if it.in.Endpoint == nil && it.in.ClickID != nil {
		id, state := it.in.ClickID()
		it.clickID, it.whole = id, state == proofback.ClickIDWhole
		return
	}
	it.read(setup, it.in.Endpoint)
	it.clickID, it.whole = it.reading.ClickID, it.reading.ClickIDState == proofback.ClickIDWhole
}

// read reads the request with an advertiser's names.
func (it *decideItem) read(setup *Setup, a *proofback.Advertiser) {
	sender := proofback.Sender{Advertiser: a}
	if a != nil {
		it.sender, it.names = a.ID, a.ParameterMapping
		it.guard = setup.Snapshot().Guard(a.ID, it.in.look.came(it.in.ReceivedAt))
		sender.Guard = it.guard
	}
	it.reading = it.in.Read(sender)
	it.reading.ID, it.reading.ReceivedAt = it.in.ID, it.in.ReceivedAt
	if it.in.Endpoint != nil {
		it.reading.Endpoint = it.in.Endpoint.ID
	}
}

// decideOnce decides in one transaction: a second one, where counters that were known to
// be there had to be counted anew.
func (b *decideBatch) decideOnce(ctx context.Context) ([]proofback.Postback, error) {
	log, err := b.tryOnce(ctx)
	if !errors.Is(err, errNotCounted) {
		return log, err
	}
	b.store.counters.forget()
	if err := b.makeCounters(ctx); err != nil {
		return nil, err
	}
	return b.tryOnce(ctx)
}

// tryOnce looks up, decides and writes in one transaction.
func (b *decideBatch) tryOnce(ctx context.Context) ([]proofback.Postback, error) {
	var log []proofback.Postback
	var q pgx.Batch
	b.queueBegin(&q)
	b.queueLooks(&q)
	b.queueStanding(&q, b.clicks())
	b.queueKnown(&q)
	b.expectRates(&q)
	err := b.store.hotTx(ctx, &q, func(tx pgx.Tx) (rows *hotRows, err error) {
		if err := b.askRest(ctx, tx, new(pgx.Batch)); err != nil {
			return nil, err
		}
		log, rows, err = b.judge(ctx, tx)
		return rows, err
	})
	return log, err
}

// judge decides all requests with what is known, and gives their records and the rows
// that are to be stored.
func (b *decideBatch) judge(ctx context.Context, tx pgx.Tx) ([]proofback.Postback, *hotRows, error) {
	if err := b.holdCaps(ctx, tx); err != nil {
		return nil, nil, err
	}
	for i := range b.items {
		b.decide(&b.items[i])
	}
	log := b.log()
	if b.preview {
		return log, nil, errPreview
	}
	rows, err := b.write(ctx, tx, log)
	return log, rows, err
}

func (b *decideBatch) decide(it *decideItem) {
	r := &it.reading.Request
	f := proofback.Facts{
		Click:        it.click,
		ClickSpooled: it.spooled,
		Terms:        it.terms,
		Currency:     b.store.currency,
		Books:        b.books,
		ConversionID: newID(),
		TransitionID: newID(),
	}
	if it.click != nil {
		f.Known = b.known.about(it.click, r.Claim.TxID)
		f.Overrides = b.overrides(it.click)
		f.Rates = b.known.rates[proofback.RateDay(it.eventAt())]
		f.Caps = b.known.caps.of(it)
	}
	f.LastLook = it.in.look.last(it.in.ReceivedAt)
	f.Replayed = b.known.nonces.seen(it)
	it.decision = proofback.Decide(r, &f)
	b.known.nonces.use(it)
	b.known.fold(it.decision, it.zone)
}

// url is the request's, masked. What its sender calls a token was not known to be one when
// it came to the plain endpoint.
func (it *decideItem) url() string {
	masked := it.in.URL
	if it.in.Endpoint == nil && len(it.names) > 0 {
		masked = proofback.MaskURL(masked, it.names...)
	}
	return it.guard.Redact(masked)
}

// eventAt is when the request says that the event was.
func (it *decideItem) eventAt() time.Time {
	if at := it.reading.Claim.EventAt; !at.IsZero() {
		return at
	}
	return it.in.ReceivedAt
}

// log makes the record of each request.
func (b *decideBatch) log() []proofback.Postback {
	log := make([]proofback.Postback, len(b.items))
	var body [512]byte // more than most answers need
	for i := range b.items {
		it := &b.items[i]
		in, d := it.in, it.decision
		p := proofback.Postback{
			ID:             in.ID,
			ReceivedAt:     in.ReceivedAt,
			Method:         in.Method,
			URL:            it.url(),
			RemoteIP:       in.RemoteIP,
			Parameters:     it.reading.Parameters,
			TxID:           it.reading.Claim.TxID,
			EventType:      it.reading.Claim.EventType,
			Result:         d.Result,
			Reason:         d.Reason,
			Message:        d.Message,
			Checks:         d.Checks,
			ResponseStatus: d.HTTPStatus(),
			Duration:       max(0, cmp.Or(in.DecidedAt, b.store.now()).Sub(in.ReceivedAt)),
			ConversionID:   d.ConversionID,
			ReplayOf:       in.ReplayOf,
		}
		if in.Endpoint != nil {
			p.AdvertiserID = in.Endpoint.ID
		}
		if c := it.click; c != nil && (in.Endpoint == nil || in.Endpoint.ID == c.AdvertiserID) {
			p.AdvertiserID, p.OfferID, p.AffiliateID = c.AdvertiserID, c.OfferID, c.AffiliateID
			p.ClickID = c.ID
		}
		if d.Reason == proofback.ReasonClickNotYetStored {
			p.ClickID = it.reading.ClickID // so that the click's story tells of it
		}
		p.ResponseBody = string(p.AppendAnswer(body[:0], d.Status.Word()))
		log[i] = p
	}
	return log
}
