package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// liveTail is at least how many clicks are not rolled up while reports are made,
// unless a day has fewer.
const liveTail = 10_000

// reports measures reports on days full of clicks: against one that counts the
// clicks and conversions themselves, and, as the days become more, against what
// they took at first.
func (s *suite) reports(ctx context.Context) error {
	for _, millions := range s.millions(5, 20) {
		if err := s.bed.fillMarket(ctx, max(2, millions*marketDays/20), s.PerDay); err != nil {
			return err
		}
		if s.Only == "" || s.Only == "read" {
			if err := s.reportsAt(ctx); err != nil {
				return err
			}
		}
	}
	if s.Only == "" || s.Only == "export" {
		if err := s.exports(ctx); err != nil {
			return err
		}
	}
	if s.Only == "" || s.Only == "upkeep" {
		return s.upkeep(ctx)
	}
	return nil
}

// millions are those that were asked for, or some others.
func (s *suite) millions(others ...int) []int {
	if len(s.Millions) > 0 {
		return s.Millions
	}
	return others
}

// reader makes reports in the market, at its own time.
type reader struct {
	*suite
	store *db.Store
	now   time.Time
	last  *lastReport
}

// lastReport remembers the statements of the last report.
type lastReport []pgx.TraceQueryStartData

// TraceQueryStart is where a statement comes by.
func (l *lastReport) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(q.SQL, "WITH lines") {
		*l = append(*l, q)
	}
	return ctx
}

// TraceQueryEnd does nothing.
func (*lastReport) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *suite) reader(ctx context.Context) (*reader, error) {
	r := &reader{suite: s, now: s.bed.Market.Now, last: &lastReport{}}
	var err error
	r.store, err = db.Open(ctx, db.Config{URL: s.bed.cluster.URL(), Now: func() time.Time { return r.now }, Tracer: r.last})
	return r, err
}

// reportCase is a report that is measured, by a name that flags can say.
type reportCase struct {
	name, what string
	days       int
	zone       string
	currency   string
	by         []proofback.Dimension
	actor      proofback.Actor
	order      proofback.Metric
}

func (s *suite) reportCases(ctx context.Context) ([]reportCase, error) {
	var largest uuid.UUID
	if err := s.bed.store.Pool().QueryRow(ctx, `SELECT affiliate_id FROM bench_pairs WHERE n = 0`).Scan(&largest); err != nil {
		return nil, err
	}
	staff, affiliate := proofback.Actor{Role: proofback.RoleManager}, proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: largest, UserID: largest}
	dayOffer := []proofback.Dimension{proofback.DimDay, proofback.DimOffer}
	sub := []proofback.Dimension{proofback.DimSub1}
	return []reportCase{
		{"network", "30 days by day and offer", 30, "UTC", "EUR", dayOffer, staff, ""},
		{"berlin", "the same days in Berlin", 30, "Europe/Berlin", "EUR", dayOffer, staff, ""},
		{"kolkata", "the same days in Kolkata", 30, "Asia/Kolkata", "EUR", dayOffer, staff, ""},
		{"dollars", "the same in dollars, line by line", 30, "UTC", "USD", dayOffer, staff, ""},
		{"pairs", "by day, affiliate and offer", 30, "UTC", "EUR", append([]proofback.Dimension{proofback.DimAffiliate}, dayOffer...), staff, ""},
		{"countries", "by country", 30, "UTC", "EUR", []proofback.Dimension{proofback.DimCountry}, staff, ""},
		{"hours", "7 days by hour and offer", 7, "UTC", "EUR", []proofback.Dimension{proofback.DimHour, proofback.DimOffer}, staff, ""},
		{"affiliate", "the largest affiliate by day and offer", 30, "UTC", "EUR", dayOffer, affiliate, ""},
		{"affiliate-kolkata", "the same in Kolkata", 30, "Asia/Kolkata", "EUR", dayOffer, affiliate, ""},
		{"affiliate-sub1", "the largest affiliate by sub1", 30, "UTC", "EUR", sub, affiliate, ""},
		{"affiliate-sub1-kolkata", "the same in Kolkata", 30, "Asia/Kolkata", "EUR", sub, affiliate, ""},
		{"clicks-first", "30 days by day and offer, most clicks first", 30, "UTC", "EUR", dayOffer, staff, proofback.MetricClicks},
		{"flat", "20 days by day and offer", 20, "UTC", "EUR", dayOffer, staff, ""},
	}, nil
}

func (c *reportCase) input(now time.Time) (proofback.ReportInput, error) {
	zone, err := time.LoadLocation(c.zone)
	local := now.In(zone)
	return proofback.ReportInput{
		Range:    proofback.TimeRange{From: time.Date(local.Year(), local.Month(), local.Day()+1-c.days, 0, 0, 0, 0, zone), To: now},
		Zone:     zone,
		Currency: c.currency,
		GroupBy:  c.by,
		Limit:    proofback.MaxReportPage,

		OrderBy: c.order, Descending: c.order != "",
	}, err
}

// reportsAt measures all reports that there are days enough for.
func (s *suite) reportsAt(ctx context.Context) error {
	r, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer r.store.Close()
	tail, err := r.prepare(ctx)
	if err != nil {
		return err
	}
	m := &s.bed.Market
	if _, err := fmt.Fprintf(s.out, "\n%d days, %s clicks, of which %d are not rolled up; %s conversions\n",
		m.Days, s.countOf(ctx, "clicks"), tail, s.countOf(ctx, "conversions")); err != nil {
		return err
	}
	cases, err := s.reportCases(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var raw time.Duration
	if m.Days >= 30 {
		times, err := s.timed(func() error { return r.raw(ctx) })
		if err != nil {
			return err
		}
		raw = median(times)
		fmt.Fprintf(w, "raw\t30 days by day and offer, counted by plain SQL\t%s\t%s\t\n", short(raw), spanOf(times))
	}
	for _, c := range cases {
		if c.days > m.Days {
			continue
		}
		if err := r.measure(ctx, w, &c, raw); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if _, err := io.Copy(s.out, &b); err != nil {
		return err
	}
	return s.bed.save()
}

// measure makes a report some times, and tells what it took.
func (r *reader) measure(ctx context.Context, w io.Writer, c *reportCase, raw time.Duration) error {
	in, err := c.input(r.now)
	if err != nil {
		return err
	}
	progress("report %s", c.name)
	times, err := r.timed(func() error {
		*r.last = nil
		_, err := r.store.Report(ctx, c.actor, in)
		return err
	})
	if err != nil {
		return err
	}
	took := median(times)
	fmt.Fprintf(w, "%s\t%s\t%s\t%s\t", c.name, c.what, short(took), spanOf(times))
	ratio := raw.Seconds() / took.Seconds()
	switch {
	case c.name == "flat":
		medians := r.bed.Market.Medians
		if medians[c.name] == nil {
			medians[c.name] = map[int]time.Duration{}
		}
		medians[c.name][r.bed.Market.Days] = took
		first := slices.Sorted(maps.Keys(medians[c.name]))[0]
		ratio = medians[c.name][first].Seconds() / took.Seconds()
		fmt.Fprintf(w, "%s with %d days", short(medians[c.name][first]), first)
	case raw > 0 && c.days == 30 && c.actor.AffiliateID == uuid.Nil:
		fmt.Fprintf(w, "%.0f times as fast as raw", ratio)
	}
	fmt.Fprintln(w, "\t")
	r.expect(c.name, ratio, took)
	if r.Explain {
		return r.explain(ctx, w)
	}
	return nil
}

// timed does something once for nothing, and then as often as there are rounds.
func (s *suite) timed(do func() error) ([]time.Duration, error) {
	var times []time.Duration
	for range s.Rounds + 1 {
		began := time.Now()
		if err := do(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(began))
	}
	return times[1:], nil
}

// spanOf is the least and the most of some times.
func spanOf(times []time.Duration) string {
	return short(slices.Min(times)) + "–" + short(slices.Max(times))
}

// rawReport is what one would write first.
const rawReport = `
	SELECT coalesce(c.day, v.day), coalesce(c.offer_id, v.offer_id), clicks, approved, payout
	FROM (
		SELECT date_trunc('day', at, 'UTC') AS day, offer_id, count(*) AS clicks
		FROM clicks
		WHERE id >= uuid_floor($1)
		AND id < uuid_floor($2)
		AND outcome = 0
		AND NOT bot
		GROUP BY 1, 2
	) AS c
	FULL JOIN (
		SELECT date_trunc('day', event_at, 'UTC') AS day, offer_id, count(*) AS approved, sum(normal_payout) AS payout
		FROM conversions
		WHERE event_at >= $1
		AND event_at < $2
		AND status = 'APPROVED'
		GROUP BY 1, 2
	) AS v USING (day, offer_id)
	ORDER BY 1, 2`

func (r *reader) raw(ctx context.Context) error {
	midnight := r.now.Truncate(24 * time.Hour)
	// With the bounds as constants, as somebody at a console would have them, days
	// are told apart when it is planned.
	conn, err := r.store.Pool().Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, rawReport, pgx.QueryExecModeSimpleProtocol, midnight.AddDate(0, 0, -29), r.now)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

// explain prints how the last report was made.
func (r *reader) explain(ctx context.Context, w io.Writer) error {
	return pgx.BeginFunc(ctx, r.store.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL jit = off`); err != nil {
			return err
		}
		for _, statement := range *r.last {
			rows, err := tx.Query(ctx, "EXPLAIN (ANALYZE, BUFFERS) "+statement.SQL, statement.Args...)
			if err != nil {
				return err
			}
			var line string
			_, err = pgx.ForEachRow(rows, []any{&line}, func() error {
				_, err := fmt.Fprintln(w, "\t    "+line)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// prepare rolls up what there is, and sees to it that enough clicks came since.
func (r *reader) prepare(ctx context.Context) (tail int, err error) {
	began := time.Now()
	steps, err := r.store.RollUp(ctx, proofback.System())
	if err != nil {
		return 0, err
	}
	progress("rolled up in %d steps and %s", steps, time.Since(began).Round(time.Second))
	if err := r.bed.settle(ctx); err != nil {
		return 0, err
	}
	pool := r.store.Pool()
	const count = `SELECT count(*) FROM clicks WHERE id >= (SELECT uuid_floor(rolled_to) FROM rollup_state) AND id < uuid_floor($1)`
	wanted := min(liveTail, r.bed.Market.Each)
	if err := pool.QueryRow(ctx, count, r.now).Scan(&tail); err != nil || tail >= wanted {
		return tail, err
	}
	from := r.now.Add(-5 * time.Minute)
	_, err = pool.Exec(ctx, fmt.Sprintf(marketClicks, from.Format("20060102")), from, wanted-tail, (4 * time.Minute).Milliseconds())
	return wanted, err
}

func (s *suite) countOf(ctx context.Context, table string) string {
	var n float64
	if err := s.bed.store.Pool().QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		return err.Error()
	}
	return grouped(n)
}
