package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

const (
	pending  = proofback.StatusPending
	approved = proofback.StatusApproved
	rejected = proofback.StatusRejected
)

// folded fails unless every conversion is where its transitions end, each of
// them begins where the one before ended, and the ledger has each.
func (m *market) folded() {
	m.t.Helper()
	broken := m.count(`
		SELECT count(*)
		FROM (
			SELECT
				conversion_id,
				from_status,
				to_status,
				lag(to_status) OVER moves AS before,
				row_number() OVER (PARTITION BY conversion_id ORDER BY at DESC, id DESC) AS from_end
			FROM transitions
			WINDOW moves AS (PARTITION BY conversion_id ORDER BY at, id)
		) AS t
		JOIN conversions AS c ON c.id = t.conversion_id
		WHERE t.from_status IS DISTINCT FROM t.before
		   OR t.from_end = 1 AND t.to_status <> c.status`)
	if broken > 0 {
		m.t.Errorf("%d transitions do not fit together", broken)
	}
	unrecorded := m.count(`
		SELECT count(*)
		FROM transitions AS t
		LEFT JOIN ledger AS l ON l.id = t.id AND l.kind = 'transition' AND l.at = t.at
		WHERE t.from_status IS NOT NULL
		  AND l.id IS NULL`)
	if moves, entries := m.count(`SELECT count(*) FROM transitions WHERE from_status IS NOT NULL`), m.count(`SELECT count(*) FROM ledger`); unrecorded > 0 || moves != entries {
		m.t.Errorf("%d moves, %d ledger entries, %d moves without", moves, entries, unrecorded)
	}
}

func TestMovesSucceedOrAreNamedOneByOne(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		is, to proofback.Status
		reason string
		want   proofback.Code // "" moves
	}{
		{"approve", pending, approved, "", ""},
		{"approve, with a word", pending, approved, "checked", ""},
		{"reject", pending, rejected, "fraud", ""},
		{"reject without a reason", pending, rejected, "", proofback.CodeInvalid},
		{"reject with an empty line", pending, rejected, " \n", proofback.CodeInvalid},
		{"reverse", approved, rejected, "returned", ""},
		{"reverse without a reason", approved, rejected, "", proofback.CodeInvalid},
		{"approve after all", rejected, approved, "appeal", ""},
		{"approve after all without a reason", rejected, approved, "", proofback.CodeInvalid},
		{"approve twice", approved, approved, "again", proofback.CodeConflict},
		{"reject twice", rejected, rejected, "again", proofback.CodeConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMarket(t)
			c := m.conversion(m.click(0, day), "T", day, func(c *proofback.Conversion) { c.Status, c.Reason = tt.is, "before" })
			moved, problems, err := m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{keyAt(day), c.ID}, tt.to, tt.reason)
			if err != nil {
				t.Fatal(err)
			}
			if problems[0].Code != proofback.CodeNotFound || strings.Join(problems[0].Field, ".") != "ids.0" {
				t.Errorf("the unknown one: %+v", problems[0])
			}
			m.folded()
			if tt.want != "" {
				if len(moved) != 0 || len(problems) != 2 || problems[1].Code != tt.want || strings.Join(problems[1].Field, ".") != "ids.1" {
					t.Errorf("moved %v, problems %v", moved, problems)
				}
				if n := m.count(`SELECT count(*) FROM transitions`); n != 1 {
					t.Errorf("%d transitions", n)
				}
				return
			}
			why := ""
			if tt.to == rejected {
				why = tt.reason
			}
			if len(problems) != 1 || len(moved) != 1 || moved[0].ID != c.ID || moved[0].Status != tt.to || moved[0].Reason != why {
				t.Errorf("moved %+v, problems %v", moved, problems)
			}
			stored := m.count(`SELECT count(*) FROM conversions WHERE status = $1 AND reason = $2`, string(tt.to), why)
			told := m.count(`SELECT count(*) FROM transitions WHERE from_status = $1 AND by_kind = 'USER' AND by_user = $2 AND reason = $3`, string(tt.is), m.staff.UserID, tt.reason)
			if stored != 1 || told != 1 {
				t.Errorf("stored %d, told %d", stored, told)
			}
		})
	}
}

func TestMovesAreForStaffAndWithinLimits(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	c := m.conversion(m.click(0, day), "T", day)
	for _, tt := range []struct {
		name   string
		actor  proofback.Actor
		ids    int
		to     proofback.Status
		reason string
		want   proofback.Code
	}{
		{"an affiliate", m.affiliate, 1, approved, "", proofback.CodeForbidden},
		{"an advertiser", m.advertiser, 1, approved, "", proofback.CodeForbidden},
		{"none", m.staff, 0, approved, "", proofback.CodeInvalid},
		{"too many", m.staff, 1001, approved, "", proofback.CodeInvalid},
		{"back to pending", m.staff, 1, pending, "x", proofback.CodeInvalid},
		{"a novel", m.staff, 1, approved, strings.Repeat("x", 1001), proofback.CodeInvalid},
	} {
		ids := make([]uuid.UUID, tt.ids)
		for i := range ids {
			ids[i] = c.ID
		}
		_, _, err := m.store.MoveConversions(t.Context(), tt.actor, ids, tt.to, tt.reason)
		if proofback.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if n := m.count(`SELECT count(*) FROM conversions WHERE status <> 'PENDING'`); n != 0 {
		t.Errorf("%d moved", n)
	}
}

func TestAThousandMovesAreOneStep(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	click := m.click(0, day)
	ids := make([]uuid.UUID, 0, 1000)
	for i := range 500 {
		c := m.conversion(click, fmt.Sprint(i), day)
		ids = append(ids, c.ID, c.ID) // named twice, moved once
	}
	moved, problems, err := m.store.MoveConversions(t.Context(), proofback.System(), ids, approved, "")
	if err != nil || len(problems) != 0 || len(moved) != 500 || moved[0].ID != ids[0] || moved[499].ID != ids[999] {
		t.Fatalf("%d moved, %v, %v", len(moved), problems, err)
	}
	if n := m.count(`SELECT count(*) FROM transitions WHERE by_kind = 'SYSTEM'`); n != 500 {
		t.Errorf("%d transitions by a job", n)
	}
	m.folded()
}

// collector keeps what was enqueued.
type collector struct {
	nobody
	sync.Mutex
	deliveries []uuid.UUID
}

func (c *collector) EnqueueDeliveries(ctx context.Context, tx pgx.Tx, keys []db.DeliveryKey) error {
	ids := make([]uuid.UUID, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	var seen int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM deliveries WHERE id = ANY ($1)`, ids).Scan(&seen); err != nil || seen != len(ids) {
		return fmt.Errorf("%d of %d deliveries are in the transaction: %w", seen, len(ids), err)
	}
	c.Lock()
	defer c.Unlock()
	c.deliveries = append(c.deliveries, ids...)
	return nil
}

func TestMovesAreToldInTheSameTransaction(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	jobs := &collector{}
	m.store.SetEnqueuer(jobs)
	m.destination(0)
	a, b := m.conversion(m.click(0, day), "a", day), m.conversion(m.click(1, day), "b", day)
	if _, _, err := m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{a.ID, b.ID}, rejected, "fraud"); err != nil {
		t.Fatal(err)
	}
	told := m.count(`
		SELECT count(*)
		FROM deliveries AS d
		JOIN transitions AS t ON t.id = d.transition_id AND t.to_status = d.event
		WHERE d.conversion_id = $1
		  AND d.status = 'PENDING'`, a.ID)
	if told != 1 || len(jobs.deliveries) != 1 {
		t.Errorf("%d deliveries, enqueued %v", told, jobs.deliveries)
	}
}

func TestTwoOfTheStaffAtOnceMoveAConversionOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.destination(0)
	click := m.click(0, day)
	const conversions, people = 20, 8
	ids := make([]uuid.UUID, conversions)
	for i := range ids {
		ids[i] = m.conversion(click, fmt.Sprint(i), day).ID
	}
	var wg sync.WaitGroup
	results := make(chan int, people)
	for p := range people {
		wg.Go(func() {
			mine := append([]uuid.UUID(nil), ids...)
			if p%2 == 1 { // named in another order, which must not deadlock
				for i, j := 0, len(mine)-1; i < j; i, j = i+1, j-1 {
					mine[i], mine[j] = mine[j], mine[i]
				}
			}
			moved, problems, err := m.store.MoveConversions(t.Context(), m.staff, mine, approved, "")
			if err != nil || len(moved)+len(problems) != conversions {
				t.Errorf("%d moved, %d named: %v", len(moved), len(problems), err)
			}
			for _, e := range problems {
				if e.Code != proofback.CodeConflict {
					t.Errorf("the loser is told %v", e)
				}
			}
			results <- len(moved)
		})
	}
	wg.Wait()
	close(results)
	sum := 0
	for n := range results {
		sum += n
	}
	if deliveries := m.count(`SELECT count(*) FROM deliveries`); sum != conversions || deliveries != conversions {
		t.Errorf("%d moves and %d deliveries for %d conversions", sum, deliveries, conversions)
	}
	m.folded()
}

func TestAnApprovalAndARejectionAtOnceFollowEachOther(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	c := m.conversion(m.click(0, day), "T", day)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			to := []proofback.Status{approved, rejected}[i%2]
			if _, _, err := m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{c.ID}, to, "because"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	m.folded()
}

// The second offer of a market counts its goal once per click.
func TestStaffCannotCountAClickTwice(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	refused := func(c *proofback.Conversion) { c.Status = rejected }
	click, other := m.click(1, day), m.click(1, day)
	a, b := m.conversion(click, "a", day, refused), m.conversion(click, "b", day.Add(time.Hour), refused)
	c := m.conversion(other, "c", day, refused)
	plain := m.click(0, day) // an offer without that rule
	d, e := m.conversion(plain, "d", day, refused), m.conversion(plain, "e", day, refused)

	ids := []uuid.UUID{b.ID, a.ID, c.ID, d.ID, e.ID}
	moved, problems, err := m.store.MoveConversions(t.Context(), m.staff, ids, approved, "appeal")
	if err != nil || len(moved) != 4 || len(problems) != 1 || problems[0].Code != proofback.CodeConflict || problems[0].Field[1] != "1" {
		t.Fatalf("moved %v, problems %v, %v", moved, problems, err)
	}
	if got := moved[0].Claims; !got.From.Equal(b.EventAt) || !got.To.IsZero() {
		t.Errorf("it claims %v", got)
	}
	if n := m.count(`SELECT count(*) FROM conversions WHERE id = ANY ($1) AND claims = tstzrange(event_at, NULL)`, []uuid.UUID{b.ID, c.ID}); n != 2 {
		t.Errorf("%d of 2 took their click", n)
	}
	_, problems, err = m.store.MoveConversions(t.Context(), m.staff, []uuid.UUID{a.ID}, approved, "appeal")
	if err != nil || len(problems) != 1 || problems[0].Code != proofback.CodeConflict {
		t.Errorf("later: %v, %v", problems, err)
	}
	m.folded()
}

func TestMovesAreCountedByTheCapsThatAreKept(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	click := m.click(0, day)
	m.exec(`
		INSERT INTO cap_usage (offer_id, metric, period, starts, used)
		VALUES
			($1, 'CONVERSIONS', 'DAILY', $2, 2),
			($1, 'PAYOUT', 'TOTAL', $3, 14),
			($1, 'CONVERSIONS', 'MONTHLY', $4, 5)`,
		m.offers[0], day.Truncate(24*time.Hour), time.Unix(0, 0), day.AddDate(0, 1, 0).Truncate(24*time.Hour))
	a, b := m.conversion(click, "a", day), m.conversion(click, "b", day)
	for _, step := range []struct {
		ids                            []uuid.UUID
		to                             proofback.Status
		conversions, payout, nextMonth int
	}{
		{[]uuid.UUID{a.ID, b.ID}, approved, 2, 14, 5},
		{[]uuid.UUID{a.ID}, rejected, 1, 7, 5},
		{[]uuid.UUID{a.ID, b.ID}, rejected, 0, 0, 5},
		{[]uuid.UUID{b.ID}, approved, 1, 7, 5},
	} {
		if _, _, err := m.store.MoveConversions(t.Context(), m.staff, step.ids, step.to, "because"); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(
			m.count(`SELECT used::int FROM cap_usage WHERE period = 'DAILY'`),
			m.count(`SELECT used::int FROM cap_usage WHERE period = 'TOTAL'`),
			m.count(`SELECT used::int FROM cap_usage WHERE period = 'MONTHLY'`))
		if want := fmt.Sprint(step.conversions, step.payout, step.nextMonth); got != want {
			t.Errorf("after %d were %s: %s, want %s", len(step.ids), step.to.Word(), got, want)
		}
	}
}

func TestStaffAndPostbacksAtOnceMoveAConversionInTurn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const events = 10
	click := d.click(t)
	var ids []uuid.UUID
	for i := range events {
		ids = append(ids, d.decide(t, sale(click, fmt.Sprint(i), "100"))[0].ConversionID)
	}
	staff := proofback.Actor{Role: proofback.RoleManager, UserID: newID(t)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, _, err := d.store.MoveConversions(t.Context(), staff, ids, rejected, "fraud"); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			batch := make([]*db.Incoming, events)
			for i := range batch { // the other way round
				batch[i] = d.incoming(sale(click, fmt.Sprint(events-1-i), "100") + "&status=approved")
			}
			if _, err := d.store.Decide(t.Context(), d.setup, batch); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	m := &market{t: t, store: d.store}
	if n := m.count(`SELECT count(*) FROM transitions WHERE from_status = 'PENDING'`); n != events {
		t.Errorf("%d conversions left PENDING %d times", events, n)
	}
	if n := m.count(`SELECT count(*) FROM conversions AS c WHERE status <> (
		SELECT to_status FROM transitions AS t WHERE t.conversion_id = c.id ORDER BY at DESC, id DESC LIMIT 1)`); n != 0 {
		t.Errorf("%d conversions are not where their transitions end", n)
	}
}
