package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// newsDesk tells of changes.
type newsDesk struct {
	*desk
	changes *db.Changes
}

func newNewsDesk(t *testing.T, c db.ChangesConfig) *newsDesk {
	t.Helper()
	d := newDesk(t)
	n := &newsDesk{d, d.store.NewChanges(c)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.changes.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return n
}

func (n *newsDesk) subscribe(t *testing.T, actor proofback.Actor, f proofback.ConversionFilter, after string) *db.ChangeStream {
	t.Helper()
	s, err := n.changes.Subscribe(t.Context(), actor, f, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// soon is longer than anything here takes, on any machine.
const soon = 20 * time.Second

func next(t *testing.T, s *db.ChangeStream) db.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	c, err := s.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// end waits for why a stream ends.
func end(t *testing.T, s *db.ChangeStream) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		if _, err := s.Next(ctx); err != nil {
			return err
		}
	}
}

// silent makes sure that nothing more is told.
func silent(t *testing.T, s *db.ChangeStream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if c, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("told of %+v, %v", c.Conversion, err)
	}
}

func (n *newsDesk) sell(t *testing.T, txid string) {
	t.Helper()
	if p := n.decide(t, sale(n.click(t), txid, "100"))[0]; p.Reason != proofback.ReasonAccepted {
		t.Fatalf("%s: %s", p.Reason, p.Message)
	}
}

func TestSubscribersAreToldWhatIsTheirs(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{LookEvery: time.Hour}) // by word alone
	affiliate := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: n.affiliate}
	advertiser := proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: n.advertiser}
	none := proofback.ConversionFilter{}
	staff := n.subscribe(t, proofback.Actor{Role: proofback.RoleManager}, none, "")
	own := n.subscribe(t, affiliate, none, "")
	shop := n.subscribe(t, advertiser, none, "")
	foreign := []*db.ChangeStream{
		n.subscribe(t, proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: uuid.New()}, none, ""),
		n.subscribe(t, proofback.Actor{Role: proofback.RoleAdvertiser, AdvertiserID: uuid.New()}, none, ""),
		n.subscribe(t, affiliate, proofback.ConversionFilter{EventType: "lead"}, ""),
		n.subscribe(t, affiliate, proofback.ConversionFilter{Tests: true}, ""),
	}
	approvedOnly := n.subscribe(t, affiliate, proofback.ConversionFilter{Statuses: []proofback.Status{proofback.StatusApproved}}, "")

	n.sell(t, "one")
	for _, tt := range []struct {
		name            string
		stream          *db.ChangeStream
		revenue, payout bool
	}{{"staff", staff, true, true}, {"the affiliate", own, false, true}, {"the advertiser", shop, true, false}} {
		c := next(t, tt.stream).Conversion
		if c.TxID != "one" || c.Status != proofback.StatusPending || c.Revenue.IsZero() == tt.revenue || c.Payout.IsZero() == tt.payout {
			t.Errorf("%s is told of %+v", tt.name, c)
		}
		if _, _, err := n.store.MoveConversions(t.Context(), proofback.System(), []uuid.UUID{c.ID}, proofback.StatusApproved, ""); err != nil {
			t.Fatal(err)
		}
	}
	if c := next(t, own).Conversion; c.Status != proofback.StatusApproved {
		t.Errorf("moved to %s", c.Status)
	}
	if c := next(t, approvedOnly).Conversion; c.Status != proofback.StatusApproved {
		t.Errorf("told of one that is %s", c.Status)
	}
	_, problems, err := n.store.AdjustConversions(t.Context(), proofback.Actor{Role: proofback.RoleAdmin},
		[]proofback.Correction{{ConversionID: next(t, staff).Conversion.ID, Payout: "1.00"}}, "a bonus")
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	next(t, own)
	for _, s := range foreign {
		silent(t, s)
	}
}

func TestNobodyIsToldOfAnything(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{})
	for _, actor := range []proofback.Actor{{}, {Role: proofback.RoleAffiliate}, {Role: "OWNER"}} {
		if _, err := n.changes.Subscribe(t.Context(), actor, proofback.ConversionFilter{}, ""); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
			t.Errorf("%+v: %v", actor, err)
		}
	}
}

// A transaction that ends after later ones were told of is not skipped, and nobody waits
// for it.
func TestWhatCommitsLateIsToldToo(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{LookEvery: 20 * time.Millisecond})
	n.sell(t, "early")
	staff := proofback.Actor{Role: proofback.RoleManager}
	s := n.subscribe(t, staff, proofback.ConversionFilter{}, "")
	late, err := n.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Rollback(context.WithoutCancel(t.Context())) }()
	again(t, late, "early")
	n.sell(t, "later")
	c := next(t, s)
	if c.Conversion.TxID != "later" {
		t.Fatalf("told of %q", c.Conversion.TxID)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := next(t, s).Conversion.TxID; got != "early" {
		t.Errorf("told of %q", got)
	}
	resumed := n.subscribe(t, staff, proofback.ConversionFilter{}, c.Cursor)
	if got := next(t, resumed).Conversion.TxID; got != "early" {
		t.Errorf("whoever comes back is told of %q", got)
	}
	silent(t, resumed)
}

// again moves a conversion to where it stands, in a transaction of the test's own.
func again(t *testing.T, tx pgx.Tx, txid string) {
	t.Helper()
	_, err := tx.Exec(t.Context(), `
		INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, from_status, to_status, at, by_kind, reason)
		SELECT gen_random_uuid(), id, advertiser_id, affiliate_id, status, status, now(), 'SYSTEM', ''
		FROM conversions
		WHERE txid = $1`, txid)
	if err != nil {
		t.Fatal(err)
	}
}

// Somebody who breaks off again and again while others write at once is told everything.
func TestWhoeverComesBackMissesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{})
	const writers, each = 4, 15
	actor := proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: n.affiliate}
	s := n.subscribe(t, actor, proofback.ConversionFilter{}, "")
	var batches [writers][]*db.Incoming
	for w := range writers {
		for i := range each {
			batches[w] = append(batches[w], n.incoming(sale(n.click(t), fmt.Sprintf("%d-%d", w, i), "100")))
		}
	}
	failed := make(chan error, writers)
	for _, batch := range batches {
		go func() {
			for _, in := range batch {
				if _, err := n.store.Decide(context.WithoutCancel(t.Context()), n.setup, []*db.Incoming{in}); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	told := map[string]int{}
	for i := 0; len(told) < writers*each; i++ {
		c := next(t, s)
		told[c.Conversion.TxID]++
		if i%5 == 4 {
			s.Close()
			s = n.subscribe(t, actor, proofback.ConversionFilter{}, c.Cursor)
		}
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	silent(t, s)
	for txid, times := range told {
		if times != 1 {
			t.Errorf("%s was told %d times", txid, times)
		}
	}
	for _, cursor := range []string{"x", "AAAA", "____________"} {
		if _, err := n.changes.Subscribe(t.Context(), actor, proofback.ConversionFilter{}, cursor); proofback.CodeOf(err) != proofback.CodeInvalid {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
}

func TestWhoReadsTooSlowlyIsLetGoAndCanGoOn(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{MaxWaiting: 3})
	staff := proofback.Actor{Role: proofback.RoleAdmin}
	slow, quick := n.subscribe(t, staff, proofback.ConversionFilter{}, ""), n.subscribe(t, staff, proofback.ConversionFilter{}, "")
	n.sell(t, "0")
	last := next(t, slow)
	next(t, quick)
	for i := range 4 {
		n.sell(t, fmt.Sprint(i+1))
		next(t, quick)
	}
	if err := end(t, slow); !errors.Is(err, db.ErrSlowSubscriber) {
		t.Fatalf("it ended with %v", err)
	}
	resumed := n.subscribe(t, staff, proofback.ConversionFilter{}, last.Cursor)
	var got []string
	for range 4 {
		got = append(got, next(t, resumed).Conversion.TxID)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("it was told of %v", got)
	}
}

func TestSubscriptionsEndWithTheSession(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{CheckEvery: 20 * time.Millisecond})
	user, err := n.store.CreateUser(t.Context(), proofback.System(), db.NewUser{
		User: proofback.User{Email: "a@b.example", Role: proofback.RoleManager}, Password: "long enough",
		Hash: func(context.Context, string) (string, error) { return "x", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	session := func() proofback.Actor {
		id, err := n.store.StartSession(t.Context(), proofback.System(), db.NewSession{User: user, TokenHash: []byte(uuid.NewString()), Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		return proofback.Actor{Role: proofback.RoleManager, UserID: user.ID, SessionID: id}
	}
	phone, desk := session(), session()
	onPhone, onDesk := n.subscribe(t, phone, proofback.ConversionFilter{}, ""), n.subscribe(t, desk, proofback.ConversionFilter{}, "")
	if err := n.store.EndSession(t.Context(), phone); err != nil {
		t.Fatal(err)
	}
	if err := end(t, onPhone); !errors.Is(err, db.ErrSignedOut) {
		t.Errorf("it ended with %v", err)
	}
	silent(t, onDesk)
	if _, err := n.store.Pool().Exec(t.Context(), `UPDATE users SET disabled_at = now()`); err != nil {
		t.Fatal(err)
	}
	if err := end(t, onDesk); !errors.Is(err, db.ErrSignedOut) {
		t.Errorf("it ended with %v", err)
	}
}

// Whoever comes back with a cursor of long ago has much to read before it is told with
// the others. Its session may end meanwhile like anybody's.
func TestWhoStillCatchesUpIsToldNothingOnceSignedOut(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{CheckEvery: 10 * time.Millisecond})
	first := n.subscribe(t, proofback.System(), proofback.ConversionFilter{}, "")
	n.sell(t, "0")
	cursor := next(t, first).Cursor
	for _, txid := range []string{"1", "2", "3"} {
		n.sell(t, txid)
		next(t, first)
	}
	for name, told := range map[string]int{"before it has read anything": 0, "in the midst of it": 1} {
		key, _, err := n.store.CreateAPIKey(t.Context(), proofback.System(), proofback.APIKey{Name: name, Role: proofback.RoleManager})
		if err != nil {
			t.Fatal(err)
		}
		s := n.subscribe(t, key.Actor(), proofback.ConversionFilter{}, cursor)
		for range told {
			next(t, s)
		}
		if _, err := n.store.RevokeAPIKey(t.Context(), proofback.System(), key.ID); err != nil {
			t.Fatal(err)
		}
		for range 2 { // when the second of these has ended, whoever was looked at with the first has
			if err := end(t, n.subscribe(t, key.Actor(), proofback.ConversionFilter{}, "")); !errors.Is(err, db.ErrSignedOut) {
				t.Fatal(err)
			}
		}
		if c, err := s.Next(t.Context()); !errors.Is(err, db.ErrSignedOut) {
			t.Errorf("%s: told of %+v, %v", name, c.Conversion, err)
		}
	}
}

// A client may hang up while what it missed is being read.
func TestASubscriptionThatWasClosedIsNotToldWithTheOthers(t *testing.T) {
	t.Parallel()
	n := newNewsDesk(t, db.ChangesConfig{})
	first := n.subscribe(t, proofback.System(), proofback.ConversionFilter{}, "")
	n.sell(t, "0")
	cursor := next(t, first).Cursor
	first.Close()
	s := n.subscribe(t, proofback.System(), proofback.ConversionFilter{}, cursor)
	s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Next(ctx); err == nil || n.changes.Subscribers() != 0 {
		t.Errorf("%d subscribers, %v", n.changes.Subscribers(), err)
	}
}

func TestSubscriptionsEndWithTheProgram(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	changes := d.store.NewChanges(db.ChangesConfig{})
	ctx, stop := context.WithCancel(t.Context())
	s, err := changes.Subscribe(t.Context(), proofback.System(), proofback.ConversionFilter{}, "")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		changes.Run(ctx)
	}()
	stop()
	<-ended
	if err := end(t, s); !errors.Is(err, db.ErrSubscriptionsEnd) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := changes.Subscribe(t.Context(), proofback.System(), proofback.ConversionFilter{}, ""); !errors.Is(err, db.ErrSubscriptionsEnd) {
		t.Errorf("one that comes later gets %v", err)
	}
}
