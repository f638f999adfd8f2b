package db_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// All who come with the token have found it good before the first of them may use it.
func TestATokenIsRedeemedOnceByThoseWhoComeAtOnce(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	admin := proofback.Actor{Role: proofback.RoleAdmin, UserID: m.staff.UserID}
	u, handed, err := m.store.InviteUser(t.Context(), admin, proofback.User{Email: "new@example.com", Role: proofback.RoleAffiliate, AffiliateID: m.affiliates[0]})
	if err != nil {
		t.Fatal(err)
	}
	redeem := func(password string) error {
		_, err := m.store.RedeemToken(t.Context(), proofback.System(), db.Invitation, handed.Token, password)
		return err
	}
	results := m.atOnce(u.ID, func() error { return redeem("one") }, func() error { return redeem("other") })
	if (results[0] == nil) == (results[1] == nil) || proofback.CodeOf(results[0])+proofback.CodeOf(results[1]) != proofback.CodeInvalid {
		t.Errorf("two with one token: %v, and %v", results[0], results[1])
	}
}

func TestATokenThatWasMailedToTheOldAddressIsOverWithIt(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	admin := proofback.Actor{Role: proofback.RoleAdmin, UserID: m.staff.UserID}
	u, handed, err := m.store.InviteUser(t.Context(), admin, proofback.User{Email: "old@example.com", Role: proofback.RoleAffiliate, AffiliateID: m.affiliates[0]})
	if err != nil {
		t.Fatal(err)
	}
	results := m.atOnce(u.ID, func() error {
		_, err := m.store.UpdateUser(t.Context(), admin, u.ID, func(u *proofback.User) { u.Email = "new@example.com" })
		return err
	}, func() error {
		_, err := m.store.RedeemToken(t.Context(), proofback.System(), db.Invitation, handed.Token, "hash")
		return err
	})
	if results[0] != nil || proofback.CodeOf(results[1]) != proofback.CodeInvalid {
		t.Errorf("the address is another: %v; the old one's token: %v", results[0], results[1])
	}
}

// atOnce calls functions that change a user. Each has looked at it before any may change
// it, and they are served in their order.
func (m *market) atOnce(user uuid.UUID, calls ...func() error) []error {
	m.t.Helper()
	held, err := m.store.Pool().Begin(m.t.Context())
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := held.Exec(m.t.Context(), `SELECT FROM users WHERE id = $1 FOR UPDATE`, user); err != nil {
		m.t.Fatal(err)
	}
	results := make([]error, len(calls))
	var under sync.WaitGroup
	for i, call := range calls {
		under.Go(func() { results[i] = call() })
		eventually(m.t, 30*time.Second, "it waits", func() bool { return m.count(locksWaitedFor) > i })
	}
	if err := held.Rollback(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	under.Wait()
	return results
}
