package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// ledgers is what the next run must know of the pair of lists that are compared: an
// advertiser's conversions, and the differences to it of the list that is written over
// them.
type ledgers struct {
	Advertiser  uuid.UUID
	Conversions int
	Want        map[proofback.DifferenceKind]int64
}

// listPeriod is the time that is compared.
var listPeriod = proofback.TimeRange{From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)}

// reconcile measures how long it takes to take in an advertiser's list and to compare it
// with as many conversions, with every kind of difference planted, and makes sure that
// each was found and nothing else.
func (s *suite) reconcile(ctx context.Context) error {
	if err := s.bed.fillLedgers(ctx, s.Lines); err != nil || s.Only == onlyLoad {
		return err
	}
	for range s.Rounds {
		if err := s.reconcileOnce(ctx); err != nil {
			return err
		}
	}
	return nil
}

// onlyLoad prepares, for a measured run on the same folder.
const onlyLoad = "load"

func (s *suite) reconcileOnce(ctx context.Context) error {
	list, err := os.Open(s.bed.listPath())
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	watch := watchMemory()
	began := time.Now()
	r, err := s.bed.takeList(ctx, list)
	if err != nil {
		return err
	}
	taken := time.Since(began)
	takenBy := watch.peaks()

	watch = watchMemory()
	seen := s.watchProgress(ctx, r.ID)
	began = time.Now()
	if err := s.bed.store.Reconcile(ctx, proofback.System(), r.ID); err != nil {
		return err
	}
	compared := time.Since(began)
	comparedBy := watch.peaks()
	told := seen()

	if err := s.checkItems(ctx, r.ID); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\n%d lines against %d conversions\ttime\tlines a second\tmemory, ours\tPostgres\n", r.Lines, s.bed.Ledgers.Conversions)
	for _, part := range []struct {
		name string
		took time.Duration
		by   [2]int64
	}{{"the list is taken in", taken, takenBy}, {"it is compared", compared, comparedBy}} {
		_, _ = fmt.Fprintf(w, "%s\t%.1f s\t%.0f\t%d MB\t%d MB\n", part.name, part.took.Seconds(), float64(r.Lines)/part.took.Seconds(), part.by[0]>>20, part.by[1]>>20)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.expect("taken", 1, taken)
	s.expect("compared", 1, compared)
	_, err = fmt.Fprintf(s.out, "progress was told as %s per cent; every planted difference was found, and no other\n", strings.Join(told, ", "))
	return err
}

// takeList stores the list as an upload does.
func (b *bed) takeList(ctx context.Context, list io.Reader) (*proofback.Reconciliation, error) {
	return b.store.StartReconciliation(ctx, proofback.System(), newList(b.Ledgers.Advertiser, list))
}

// watchProgress looks at the status of a comparison, and tells in the end what it saw.
func (s *suite) watchProgress(ctx context.Context, id uuid.UUID) func() []string {
	ctx, stop := context.WithCancel(ctx)
	seen := make(chan []string)
	go func() {
		var told []string
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				seen <- told
				return
			case <-tick.C:
			}
			var percent int
			err := s.bed.store.Pool().QueryRow(ctx, `SELECT progress FROM reconciliations WHERE id = $1`, id).Scan(&percent)
			if now := strconv.Itoa(percent); err == nil && (len(told) == 0 || told[len(told)-1] != now) {
				told = append(told, now)
			}
		}
	}()
	return func() []string {
		stop()
		return <-seen
	}
}

// checkItems makes sure that what was found is what was planted.
func (s *suite) checkItems(ctx context.Context, id uuid.UUID) error {
	rows, err := s.bed.store.Pool().Query(ctx, `SELECT kind, sum(count) FROM reconciliation_summary WHERE reconciliation_id = $1 GROUP BY kind`, id)
	if err != nil {
		return err
	}
	got := map[proofback.DifferenceKind]int64{}
	var kind proofback.DifferenceKind
	var n int64
	if _, err := pgx.ForEachRow(rows, []any{&kind, &n}, func() error {
		got[kind] = n
		return nil
	}); err != nil {
		return err
	}
	var wrong []error
	for _, kind := range proofback.DifferenceKinds() {
		if got[kind] != s.bed.Ledgers.Want[kind] {
			wrong = append(wrong, fmt.Errorf("bench: %d items are %s, and %d were planted", got[kind], kind, s.bed.Ledgers.Want[kind]))
		}
	}
	return errors.Join(wrong...)
}

func (b *bed) listPath() string { return filepath.Join(b.dir, "list.csv") }

// fillLedgers makes the conversions and writes the list, where that was not done.
func (b *bed) fillLedgers(ctx context.Context, count int) error {
	if b.Ledgers.Conversions == count {
		return nil
	}
	if b.Ledgers.Conversions != 0 {
		return fmt.Errorf("bench: the folder has a list over %d conversions: take another folder for %d", b.Ledgers.Conversions, count)
	}
	began := time.Now()
	a, offer, err := b.makeListed(ctx)
	if err != nil {
		return err
	}
	const atOnce = 100_000
	for from := 0; from < count; from += atOnce {
		if _, err := b.store.Pool().Exec(ctx, listedConversions, a, offer, from, min(from+atOnce, count)-1); err != nil {
			return err
		}
	}
	for _, statement := range []string{`VACUUM ANALYZE conversions`, `VACUUM ANALYZE postbacks`, `CHECKPOINT`} {
		if _, err := b.store.Pool().Exec(ctx, statement); err != nil {
			return err
		}
	}
	file, err := os.Create(b.listPath())
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	w := &listWriter{Writer: bufio.NewWriterSize(file, 1<<20), want: map[proofback.DifferenceKind]int64{}}
	w.write(count)
	if err := w.Flush(); err != nil {
		return err
	}
	b.Ledgers = ledgers{Advertiser: a, Conversions: count, Want: w.want}
	progress("made %d conversions and a list over them in %s", count, time.Since(began).Round(time.Second))
	return b.save()
}
