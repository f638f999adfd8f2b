package db_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestDeliveriesAreMadeForWhoWantsToHearOfIt(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	other := newID(t)
	n.exec(t, `INSERT INTO affiliates (id, name, status, currency, created_at) VALUES ($1, 'Other', 'ACTIVE', 'EUR', now())`, other)
	names := map[uuid.UUID]string{}
	for name, change := range map[string]func(*proofback.Destination){
		"everything":       func(*proofback.Destination) {},
		"approvals":        func(d *proofback.Destination) { d.Statuses = []proofback.Status{proofback.StatusApproved} },
		"this offer":       func(d *proofback.Destination) { d.OfferID = n.offer },
		"sales":            func(d *proofback.Destination) { d.EventType = "sale" },
		"leads":            func(d *proofback.Destination) { d.EventType = "lead" },
		"another's events": func(d *proofback.Destination) { d.AffiliateID = other },
		"switched off":     func(*proofback.Destination) {},
	} {
		d := proofback.Destination{AffiliateID: n.affiliate, URLTemplate: "https://t.example/"}
		change(&d)
		made, _, err := n.store.CreateDestination(t.Context(), proofback.System(), d)
		if err != nil {
			t.Fatal(err)
		}
		names[made.ID] = name
		if name == "switched off" {
			n.exec(t, `UPDATE destinations SET enabled = false WHERE id = $1`, made.ID)
		}
	}

	pending := db.Announcement{
		TransitionID: newID(t), ConversionID: newID(t), ClickID: newID(t), AffiliateID: n.affiliate,
		OfferID: n.offer, EventType: "sale", Status: proofback.StatusPending,
	}
	approved, elsewhere := pending, pending
	approved.TransitionID, approved.Status = newID(t), proofback.StatusApproved
	elsewhere.TransitionID, elsewhere.OfferID, elsewhere.EventType = newID(t), newID(t), "install"

	for range 2 { // the second time makes none
		err := pgx.BeginFunc(t.Context(), n.store.Pool(), func(tx pgx.Tx) error {
			_, err := n.store.RecordDeliveries(t.Context(), tx, []db.Announcement{pending, approved, elsewhere})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := n.store.Pool().Query(t.Context(), `SELECT transition_id, destination_id FROM deliveries WHERE status = 'PENDING' AND next_attempt_at = created_at`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[uuid.UUID]map[string]bool{}
	var transition, destination uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&transition, &destination}, func() error {
		if got[transition] == nil {
			got[transition] = map[string]bool{}
		}
		got[transition][names[destination]] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for move, want := range map[uuid.UUID][]string{
		pending.TransitionID:   {"everything", "this offer", "sales"},
		approved.TransitionID:  {"everything", "this offer", "sales", "approvals"},
		elsewhere.TransitionID: {"everything"},
	} {
		for _, name := range want {
			if !got[move][name] {
				t.Errorf("%q is not told", name)
			}
		}
		if len(got[move]) != len(want) {
			t.Errorf("told %v, want %v", got[move], want)
		}
	}
}

// The two ways to make a UUIDv7 must agree, since their ids are compared.
func TestPostgresMakesTheSameUUIDv7AsWeDo(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	for _, at := range []time.Time{
		time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		time.Date(2026, 11, 22, 10, 0, 0, 999_999_000, time.UTC),
		time.Date(2026, 11, 22, 10, 0, 0, 123_457_000, time.UTC),
		time.Date(2099, 1, 1, 0, 0, 0, 1_000, time.UTC),
	} {
		ours, err := proofback.NewUUIDv7(at, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		var theirs, again uuid.UUID
		if err := s.Pool().QueryRow(t.Context(), `SELECT uuid_v7($1), uuid_v7($1)`, at).Scan(&theirs, &again); err != nil {
			t.Fatal(err)
		}
		if theirs.Version() != 7 || theirs.Variant() != uuid.RFC4122 || !bytes.Equal(ours[:8], theirs[:8]) || theirs == again {
			t.Errorf("%s: %s and %s, want one like %s", at, theirs, again, ours)
		}
	}
}

func TestLoadingADeliveryReadsOnePartitionOfTheClicks(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	conn, err := s.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{
		`SET plan_cache_mode = force_generic_plan`, // as it comes to be prepared
		`PREPARE load (uuid) AS
			SELECT k.source
			FROM deliveries AS d
			LEFT JOIN clicks AS k ON k.id = d.click_id
			WHERE d.id = $1`,
		`INSERT INTO deliveries (id, conversion_id, transition_id, click_id, affiliate_id, destination_id, event, status, created_at)
			SELECT id, id, id, id, id, id, 'PENDING', 'PENDING', now() FROM uuid_v7(now()) AS id`,
	} {
		if _, err := conn.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	var id uuid.UUID
	if err := conn.QueryRow(t.Context(), `SELECT id FROM deliveries`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `EXPLAIN (ANALYZE, COSTS off, TIMING off) EXECUTE load ('`+id.String()+`')`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	read, skipped := 0, 0
	for _, line := range lines {
		if strings.Contains(line, " on clicks_") {
			if strings.Contains(line, "never executed") {
				skipped++
			} else {
				read++
			}
		}
	}
	if read != 1 || skipped == 0 {
		t.Errorf("%d partitions are read, %d are not:\n%s", read, skipped, strings.Join(lines, "\n"))
	}
}

func TestOnlyProofbackItselfAttemptsDeliveries(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	admin, due := proofback.Actor{Role: proofback.RoleAdmin}, db.DueDelivery{ID: newID(t)}
	_, loading := s.LoadDeliveries(t.Context(), admin, []db.DueDelivery{due})
	_, recording := s.RecordAttempts(t.Context(), admin, proofback.DefaultHealthPolicy(), []db.AttemptRecord{{Due: due}})
	_, listing := s.DueDeliveries(t.Context(), admin, nil)
	for i, err := range []error{loading, recording, listing, s.EndDelivery(t.Context(), admin, due, proofback.DeliveryFailed), s.DropSessions(t.Context(), admin)} {
		if proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("%d: %v", i, err)
		}
	}
}

func TestSessionsThatAreOverAreDropped(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	user, old, idle, live := newID(t), newID(t), newID(t), newID(t)
	for _, sql := range []string{
		`INSERT INTO users (id, email, password_hash, role, created_at) VALUES ('` + user.String() + `', 'a@b.example', '', 'ADMIN', now())`,
		`INSERT INTO sessions (id, user_id, created_at)
			SELECT id::uuid, '` + user.String() + `', now() - interval '60 days'
			FROM unnest('{` + old.String() + `,` + idle.String() + `,` + live.String() + `}'::text[]) AS id`,
		`INSERT INTO refresh_tokens (hash, session_id, created_at, expires_at) VALUES
			('1', '` + old.String() + `', now(), now() - interval '25 hours'),
			('2', '` + live.String() + `', now(), now() - interval '25 hours'),
			('3', '` + live.String() + `', now(), now() - interval '23 hours')`,
	} {
		if _, err := s.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DropSessions(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	var sessions, tokens int
	if err := s.Pool().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM sessions WHERE id = $1), (SELECT count(*) FROM sessions) + (SELECT count(*) FROM refresh_tokens)`, live).Scan(&sessions, &tokens); err != nil {
		t.Fatal(err)
	}
	if sessions != 1 || tokens != 2 {
		t.Errorf("%d live sessions, %d rows in all", sessions, tokens)
	}
}

// What happens while an endpoint is switched off for its failures waits for it, whoever
// decides.
func TestADecidedMoveWaitsForAnEndpointThatIsPaused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.store.SetEnqueuer(nobody{})
	made, _, err := d.store.CreateDestination(t.Context(), proofback.System(), proofback.Destination{AffiliateID: d.affiliate, URLTemplate: "https://t.example/"})
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]int{"PAUSED": 1, "STOPPED": 0} {
		d.exec(t, `UPDATE destinations SET enabled = false, health_state = $2 WHERE id = $1`, made.ID, state)
		log := d.decide(t, sale(d.click(t), state, "100"))
		if n := d.count(t, `SELECT count(*) FROM deliveries WHERE conversion_id = $1`, log[0].ConversionID); n != want {
			t.Errorf("%s: %d deliveries, want %d", state, n, want)
		}
	}
}
