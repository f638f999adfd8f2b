package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func newSessions(t *testing.T) *Sessions {
	t.Helper()
	tokens, err := NewTokens(TokenConfig{Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	s := &Sessions{Store: dbtest.Open(t), Tokens: tokens}
	addUser(t, s, proofback.User{Email: "kim@network.example", Role: proofback.RoleAdmin})
	return s
}

// addUser makes a user whose password is "correct horse".
func addUser(t *testing.T, s *Sessions, u proofback.User) uuid.UUID {
	t.Helper()
	made, err := s.Store.CreateUser(t.Context(), proofback.System(), db.NewUser{User: u, Password: "correct horse", Hash: s.HashPassword})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// refused says whether err is a refusal to believe somebody, with its sentence.
func refused(err error) (string, bool) {
	e, ok := errors.AsType[*proofback.Error](err)
	if !ok || e.Code != proofback.CodeUnauthenticated {
		return "", false
	}
	return e.Message, true
}

func TestSigningInGivesATokenOfTheUser(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	session, err := s.SignIn(t.Context(), " Kim@Network.example ", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	actor, err := s.Tokens.Verify(t.Context(), session.AccessToken)
	if err != nil || actor.Role != proofback.RoleAdmin {
		t.Errorf("got %+v, %v", actor, err)
	}
	stored := 0
	err = s.Store.Pool().QueryRow(t.Context(), `
		SELECT count(*)
		FROM users, refresh_tokens
		WHERE password_hash LIKE '%correct horse%'
		   OR hash = $1`, []byte(session.RefreshToken)).Scan(&stored)
	if err != nil || stored != 0 {
		t.Errorf("a secret is stored as it is: %d, %v", stored, err)
	}
}

func TestWrongEMailAndWrongPasswordAreOneAnswer(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	var said []string
	for _, try := range [][2]string{
		{"kim@network.example", "wrong horse"},
		{"nobody@network.example", "correct horse"},
		{"kim@network.example", ""},
		{"kim@network.example", strings.Repeat("x", 10_000)},
		{"", ""},
	} {
		_, err := s.SignIn(t.Context(), try[0], try[1], "")
		message, ok := refused(err)
		if !ok {
			t.Fatalf("%q: %v", try, err)
		}
		said = append(said, message)
	}
	for _, message := range said {
		if message != said[0] {
			t.Errorf("answers differ: %q", said)
		}
	}
	if _, err := s.Store.Pool().Exec(t.Context(), `UPDATE users SET disabled_at = now()`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", ""); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("a disabled user signed in: %v", err)
	}
}

func TestARefreshTokenWorksOnce(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	first, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Refresh(t.Context(), first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	third, err := s.Refresh(t.Context(), second.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	// The first token comes back: somebody has copied it.
	for i, token := range []string{first.RefreshToken, third.RefreshToken, second.RefreshToken, "nonsense", ""} {
		if _, err := s.Refresh(t.Context(), token); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
			t.Errorf("token %d: %v", i, err)
		}
	}
	if _, err := s.Refresh(t.Context(), other.RefreshToken); err != nil {
		t.Errorf("another session of the user ended too: %v", err)
	}
}

func TestARefreshTokenUsedByManyAtOnceIsACopy(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var next []string
	for range 8 {
		wg.Go(func() {
			got, err := s.Refresh(t.Context(), session.RefreshToken)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				next = append(next, got.RefreshToken)
			} else if _, ok := refused(err); !ok {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(next) != 1 {
		t.Fatalf("%d were answered", len(next))
	}
	if _, err := s.Refresh(t.Context(), next[0]); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("the session goes on: %v", err)
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	signIn := func() (string, proofback.Actor) {
		session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
		if err != nil {
			t.Fatal(err)
		}
		actor, err := s.Tokens.Verify(t.Context(), session.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		return session.RefreshToken, actor
	}
	phone, onPhone := signIn()
	desk, _ := signIn()
	if err := s.Store.EndSession(t.Context(), onPhone); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context(), phone); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("the session goes on: %v", err)
	}
	if _, err := s.Refresh(t.Context(), desk); err != nil {
		t.Errorf("another session ended too: %v", err)
	}
}

func TestHashingWaitsItsTurnAndGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	var p Passwords
	hash, err := p.Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$") {
		t.Fatalf("got %q, %v", hash, err)
	}
	for range maxHashing {
		p.turn <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Matches(ctx, "correct horse", hash); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
