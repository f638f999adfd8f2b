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
			session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse")
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
	session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse")
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
