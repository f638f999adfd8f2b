package db

import (
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Rates are stored once a day, and nearly every batch of postbacks is judged by some of
// them. So what was found is kept in memory under the version of the rates that the
// statement which found it saw. The database renews the version in each transaction that
// stores rates, and these wait for each other: whoever sees a version sees the rates of all
// transactions up to the one that made it, and of no other. What was found under a version
// therefore never has to be taken back; it is of no use once that version is not what stands.

// maxKeptRates bounds what is kept: currencies times days, of all versions.
const maxKeptRates = 4096

// rateMemory is what this process has found. It is safe for concurrent use.
type rateMemory struct {
	found *lru.Cache[keptRate, foundRate]
	seen  atomic.Pointer[uuid.UUID] // the version that somebody saw last
}

// keptRate is a question, and the version under which it was asked.
type keptRate struct {
	version uuid.UUID
	wantedRate
}

// foundRate is the answer: the rate in force, or ok is false and there is none.
type foundRate struct {
	proofback.Rate
	ok bool
}

func newRateMemory() *rateMemory {
	return &rateMemory{found: newLRU[keptRate, foundRate](maxKeptRates)}
}

// see notes which version stands.
func (m *rateMemory) see(version uuid.UUID) {
	if last := m.seen.Load(); last == nil || *last != version {
		m.seen.Store(new(version))
	}
}

// expect reports whether all that is wanted is known, should the version that was seen
// last still stand.
func (m *rateMemory) expect(wanted *wantedRates) bool {
	version := m.seen.Load()
	if version == nil {
		return false
	}
	for i := range wanted.days {
		if !m.found.Contains(keptRate{*version, wanted.at(i)}) {
			return false
		}
	}
	return true
}

// recall gives what was found under a version, by day, if that is all that is wanted.
// Nothing was found under uuid.Nil, which stands for one that nobody knows.
func (m *rateMemory) recall(version uuid.UUID, wanted *wantedRates) (map[time.Time]proofback.Rates, bool) {
	days := map[time.Time]proofback.Rates{}
	for i := range wanted.days {
		w := wanted.at(i)
		f, ok := m.found.Get(keptRate{version, w})
		if !ok {
			return nil, false
		}
		f.into(days, w)
	}
	return days, true
}

// keep remembers what a statement found that saw a version.
func (m *rateMemory) keep(version uuid.UUID, w wantedRate, f foundRate) {
	if version != uuid.Nil {
		m.found.Add(keptRate{version, w}, f)
	}
}

// into puts a rate, if it is one, among those of its day.
func (f foundRate) into(days map[time.Time]proofback.Rates, w wantedRate) {
	if !f.ok {
		return
	}
	if days[w.day] == nil {
		days[w.day] = proofback.Rates{}
	}
	days[w.day][w.currency] = f.Rate
}

// standingRatesQuery brings a row for each currency and day asked for, whether there is a
// rate or not, with the version under which that is so. It is one statement: rates that
// were stored since the batch asked what stands come with a version of their own.
const standingRatesQuery = `
	SELECT want.currency, want.day, r.day IS NOT NULL, coalesce(r.day, want.day), coalesce(r.per_euro::text, ''), coalesce(r.source, ''),
		(SELECT version FROM rates_version WHERE one)
	FROM unnest($1::text[], $2::timestamptz[]::date[]) AS want (currency, day)
	LEFT JOIN LATERAL (` + rateInForce + `) AS r ON true`

// expectRates asks for the rates that are wanted where memory is sure to lack some.
func (b *decideBatch) expectRates(q *pgx.Batch) {
	if !b.store.rates.expect(&b.wanted) {
		b.queueRates(q)
	}
}

// bringRates takes the rates that are wanted from memory, or asks for them, now that the
// version that stands is known. All of a batch's are of one version: of several that were
// published together it has all or none.
func (b *decideBatch) bringRates(q *pgx.Batch) {
	if b.asked.covers(&b.wanted) {
		return
	}
	if rates, ok := b.store.rates.recall(b.ratesVersion, &b.wanted); ok {
		b.known.rates = rates
		return
	}
	b.queueRates(q)
}

func (b *decideBatch) queueRates(q *pgx.Batch) {
	if len(b.wanted.days) == 0 {
		return
	}
	b.asked = b.wanted
	q.Queue(standingRatesQuery, b.wanted.currencies, b.wanted.days, maxRateDays).Query(b.scanRates)
}

// scanRates reads the answer: these rates are what stands from now on.
func (b *decideBatch) scanRates(rows pgx.Rows) error {
	b.known.rates = map[time.Time]proofback.Rates{}
	for rows.Next() {
		var w wantedRate
		var f foundRate
		var version uuid.UUID // NULL would leave uuid.Nil
		if err := rows.Scan(&w.currency, &w.day, &f.ok, &f.Day, &f.PerEuro, &f.Source, &version); err != nil {
			return err
		}
		f.into(b.known.rates, w)
		b.ratesVersion = version
		b.store.rates.keep(version, w, f)
	}
	b.store.rates.see(b.ratesVersion)
	return rows.Err()
}
