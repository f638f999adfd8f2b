package db_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// manyMoves stores moves of some days, by transactions of 32 each.
func (d *desk) manyMoves(t *testing.T) {
	t.Helper()
	d.exec(t, `
		WITH made AS (
			INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
				status, began, event_at, received_at, click_at)
			SELECT uuid_v7(at), $1, $2, $2, CASE i % 10 WHEN 0 THEN $3 ELSE $4::uuid END, uuid_v7(at), $2, uuid_v7(at), 'sale', i::text,
				'PENDING', 'PENDING', at, at, at
			FROM (SELECT i, now() - interval '10 days' + i * interval '10 s' AS at FROM generate_series(0, 30000) AS i) AS move
			RETURNING id, advertiser_id, affiliate_id, received_at, txid
		)
		INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, to_status, at, by_kind, reason, xact)
		SELECT uuid_v7(received_at), id, advertiser_id, affiliate_id, 'PENDING', received_at, 'RULE', '', 1 + txid::integer / 32
		FROM made`, d.advertiser, d.offer, d.affiliate, newID(t))
	d.exec(t, `ANALYZE`)
}

// Moves have as few indexes as they can; nothing reads all of them for want of one.
func TestMovesAreFoundByIndex(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	n := newNotary(t)
	d := newDesk(t, func(c *db.Config) { c.Tracer = sent })
	d.store.SetEnqueuer(nobody{})
	changes := d.store.NewChanges(db.ChangesConfig{})
	destination, _, err := d.store.CreateDestination(t.Context(), proofback.System(), proofback.Destination{AffiliateID: d.affiliate, URLTemplate: "https://t.example/"})
	if err != nil {
		t.Fatal(err)
	}
	var conversions []uuid.UUID
	for _, txid := range []string{"one", "two"} {
		conversions = append(conversions, d.decide(t, sale(d.click(t), txid, "100"))[0].ConversionID)
	}
	if _, _, err := d.store.MoveConversions(t.Context(), proofback.System(), conversions[:1], proofback.StatusApproved, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.Seal(t.Context(), proofback.System(), n.sealer); err != nil {
		t.Fatal(err)
	}
	d.manyMoves(t)

	since := func(actor proofback.Actor) func() error {
		return func() error {
			cursor, err := d.store.ChangeCursor(t.Context())
			if err != nil {
				return err
			}
			d.decide(t, sale(d.click(t), uuid.NewString(), "100"))
			s, err := changes.Subscribe(t.Context(), actor, proofback.ConversionFilter{}, cursor)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.Next(t.Context())
			return err
		}
	}
	for _, tt := range []struct {
		name, statement, index string // the statement that holds this goes by that
		read                   func() error
	}{
		{"of conversions", "(transition.conversion_id IN", "transitions_id", func() error {
			_, err := d.store.TransitionsByConversion(t.Context(), proofback.System(), conversions)
			return err
		}},
		{"since a place", "SELECT xact, id, conversion_id", "transitions_xact", since(proofback.System())},
		{"an affiliate's since a place", "SELECT xact, id, conversion_id", "transitions_xact", since(proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: d.affiliate})},
		{"of a range of time", "WITH made AS", "transitions_at", func() error {
			_, err := d.store.BackfillDestination(t.Context(), proofback.System(), destination.ID, proofback.TimeRange{From: time.Now().AddDate(0, 0, -3), To: time.Now().AddDate(0, 0, -2)})
			return err
		}},
		{"of entries of the ledger", "encode(entry.canonical", "transitions_id", func() error {
			_, err := d.store.VerifyLedger(t.Context(), proofback.System(), []string{n.sealer.Key.Public}, nil, func(db.LedgerDifference) error { return nil })
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share what is sent
			found := false
			for _, sql := range sent.during(t, tt.read) {
				if !strings.Contains(sql, tt.statement) {
					continue
				}
				found = true
				lines, err := (&market{t: t, store: d.store}).explain(sql)
				plan := strings.Join(lines, "\n")
				if err != nil || !strings.Contains(plan, tt.index) || strings.Contains(plan, "Seq Scan on transitions") {
					t.Errorf("want %s: %v\n%s\n%s", tt.index, err, sql, plan)
				}
			}
			if !found {
				t.Errorf("nothing was asked with %s", tt.statement)
			}
		})
	}
}

func TestAMoveIsStoredOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.decide(t, sale(d.click(t), "one", "100"))
	_, err := d.store.Pool().Exec(t.Context(), `INSERT INTO transitions SELECT * FROM transitions`)
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.ConstraintName != "transitions_id" {
		t.Errorf("the second time: %v", err)
	}
}

// A request may be decided long after it came, so the time of a move is not that of its id.
func TestABackfillGoesByWhenStatusesWereReached(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	in := d.incoming(sale(d.click(t), "one", "100"))
	in.ReceivedAt = in.ReceivedAt.Add(-30 * time.Second)
	if _, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in}); err != nil {
		t.Fatal(err)
	}
	destination, _, err := d.store.CreateDestination(t.Context(), proofback.System(), proofback.Destination{AffiliateID: d.affiliate, URLTemplate: "https://t.example/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		from, to time.Time
		want     int
	}{
		{in.ReceivedAt.Add(time.Microsecond), in.ReceivedAt.Add(time.Hour), 0},
		{in.ReceivedAt.Add(-time.Second), in.ReceivedAt, 0},
		{in.ReceivedAt, in.ReceivedAt.Add(time.Microsecond), 1},
		{in.ReceivedAt, in.ReceivedAt.Add(time.Microsecond), 0},
	} {
		made, err := d.store.BackfillDestination(t.Context(), proofback.System(), destination.ID, proofback.TimeRange{From: tt.from, To: tt.to})
		if err != nil || made != tt.want {
			t.Errorf("from %s to %s: %d, %v; want %d", tt.from, tt.to, made, err, tt.want)
		}
	}
}
