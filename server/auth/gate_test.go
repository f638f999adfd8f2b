package auth

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// TestATokenEndsWithWhatItSays has access tokens refused as soon as what they say of
// somebody is over, though they have not run out.
func TestATokenEndsWithWhatItSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(s *Sessions, a proofback.Actor) error
	}{
		{"signed out", func(s *Sessions, a proofback.Actor) error { return s.Store.EndSession(t.Context(), a) }},
		{"disabled", func(s *Sessions, a proofback.Actor) error {
			return update(t, s, a.UserID, func(u *proofback.User) { u.Disabled = true })
		}},
		{"another role", func(s *Sessions, a proofback.Actor) error {
			return update(t, s, a.UserID, func(u *proofback.User) { u.Role = proofback.RoleManager })
		}},
		{"deleted", func(s *Sessions, a proofback.Actor) error {
			_, err := s.Store.Pool().Exec(t.Context(), `DELETE FROM users WHERE id = $1`, a.UserID)
			return err
		}},
		{"a refresh token that was copied", func(s *Sessions, a proofback.Actor) error {
			_, err := s.Store.Pool().Exec(t.Context(), `UPDATE sessions SET ended_at = now(), end_reason = 'REFRESH_TOKEN_REUSED' WHERE id = $1`, a.SessionID)
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSessions(t)
			gate := &Gate{Tokens: s.Tokens, Store: s.Store}
			second := proofback.User{Email: "second@network.example", Role: proofback.RoleAdmin}
			addUser(t, s, second)
			session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
			if err != nil {
				t.Fatal(err)
			}
			actor, err := gate.Actor(t.Context(), session.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.change(s, actor); err != nil {
				t.Fatal(err)
			}
			if _, err := gate.Actor(t.Context(), session.AccessToken); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
				t.Errorf("it is good still: %v", err)
			}
			if _, err := s.Refresh(t.Context(), session.RefreshToken); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
				t.Errorf("its session goes on: %v", err)
			}
		})
	}
}

func update(t *testing.T, s *Sessions, id uuid.UUID, change func(*proofback.User)) error {
	t.Helper()
	_, err := s.Store.UpdateUser(t.Context(), proofback.System(), id, change)
	return err
}

// TestATokenOfASessionsOwnUserAlone refuses a session id beside another user.
func TestATokenOfASessionsOwnUserAlone(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	gate := &Gate{Tokens: s.Tokens, Store: s.Store}
	other := addUser(t, s, proofback.User{Email: "second@network.example", Role: proofback.RoleAdmin})
	session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	actor, err := gate.Actor(t.Context(), session.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	actor.UserID = other
	token, _, err := s.Tokens.Sign(actor, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Actor(t.Context(), token); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("got %v", err)
	}
}

func TestAnAPIKeyStandsForItsCompanyUntilItIsOver(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	gate := &Gate{Tokens: s.Tokens, Store: s.Store}
	do := serve(t, s)
	newKey := func(expires time.Time) (proofback.APIKey, string) {
		t.Helper()
		k, secret, err := s.Store.CreateAPIKey(t.Context(), proofback.System(), proofback.APIKey{Name: "CRM", Role: proofback.RoleManager, ExpiresAt: expires})
		if err != nil {
			t.Fatal(err)
		}
		return *k, secret
	}
	k, secret := newKey(time.Time{})
	if got := do(secret, `{ viewer { role } }`, nil); string(got.Data["viewer"]) != `{"role":"MANAGER"}` {
		t.Errorf("got %s %+v", got.Data, got.Errors)
	}
	if got := do(secret, signOut, nil); got.code() != "FORBIDDEN" {
		t.Errorf("one that may only read changes: %+v", got)
	}
	short, over := newKey(time.Now().Add(time.Hour))
	if _, err := s.Store.Pool().Exec(t.Context(), `UPDATE api_keys SET expires_at = now() WHERE id = $1`, short.ID); err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]string{
		"expired": over, "cut off": secret[:len(secret)-1], "unknown": proofback.APIKeyPrefix + "x", "nothing more": proofback.APIKeyPrefix,
	} {
		if a, err := gate.Actor(t.Context(), credential); proofback.CodeOf(err) != proofback.CodeUnauthenticated || a != (proofback.Actor{}) {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
	if _, err := s.Store.RevokeAPIKey(t.Context(), proofback.System(), k.ID); err != nil {
		t.Fatal(err)
	}
	if got := do(secret, viewer, nil); got.code() != "UNAUTHENTICATED" {
		t.Errorf("one that was revoked is good still: %+v", got)
	}
	var stored int
	if err := s.Store.Pool().QueryRow(t.Context(), `SELECT count(*) FROM api_keys AS k WHERE k::text LIKE '%' || $1 || '%'`, secret[4:]).Scan(&stored); err != nil || stored > 0 {
		t.Errorf("a key is stored as it is: %d, %v", stored, err)
	}
}
