package auth

import (
	"encoding/base32"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// withFactor gives the user of sessions a second factor.
func withFactor(t *testing.T, s *Sessions) (actor proofback.Actor, secret []byte, recovery []string) {
	t.Helper()
	session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	if actor, err = s.Tokens.Verify(t.Context(), session.AccessToken); err != nil {
		t.Fatal(err)
	}
	if secret, _, err = s.Store.BeginTOTP(t.Context(), actor); err != nil {
		t.Fatal(err)
	}
	actor.Operation = "confirmTotp"
	if _, err := s.Store.ConfirmTOTP(t.Context(), actor, "000000x"); proofback.CodeOf(err) != proofback.CodeConflict {
		t.Errorf("a wrong code confirms it: %v", err)
	}
	if recovery, err = s.Store.ConfirmTOTP(t.Context(), actor, codeOf(secret, s.now())); err != nil {
		t.Fatal(err)
	}
	return actor, secret, recovery
}

func codeOf(secret []byte, at time.Time) string { return proofback.TOTPCode(secret, at.Unix()/30) }

func TestASecondFactorIsAskedFor(t *testing.T) {
	t.Parallel()
	s, after := newTimedSessions(t)
	actor, secret, recovery := withFactor(t, s)
	try := func(code string) proofback.Code {
		_, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", code)
		after(16 * time.Minute) // longer than any wait, and another step
		return proofback.CodeOf(err)
	}
	used := codeOf(secret, s.now())
	if got := try(used); got != proofback.CodeConflict {
		t.Errorf("the code that confirmed it: %s", got)
	}
	if got := try(""); got != proofback.CodeSecondFactor {
		t.Errorf("no code: %s", got)
	}
	if _, err := s.SignIn(t.Context(), "kim@network.example", "wrong horse", codeOf(secret, s.now())); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("a code without the password: %v", err)
	}
	again := codeOf(secret, s.now())
	if _, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", again); err != nil {
		t.Errorf("a good code: %v", err)
	}
	if got := try(again); got != proofback.CodeConflict {
		t.Errorf("the same code again: %s", got)
	}
	for range 2 {
		want := proofback.Code("")
		for range 2 {
			if got := try(recovery[3]); got != want {
				t.Errorf("a recovery code: %q, want %q", got, want)
			}
			want = proofback.CodeConflict
		}
		recovery[3] = recovery[4] // the next one
	}
	do := serve(t, s)
	got := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "correct horse"}), "signIn")
	if got.Session != nil || len(got.UserErrors) != 1 || got.UserErrors[0].Code != "SECOND_FACTOR_REQUIRED" {
		t.Errorf("got %+v", got)
	}
	var plain int
	err := s.Store.Pool().QueryRow(t.Context(), `
		SELECT count(*)
		FROM second_factors AS f, recovery_codes AS c
		WHERE f.totp_secret = $1
		   OR c::text LIKE '%' || $2 || '%'`, secret, recovery[0]).Scan(&plain)
	if err != nil || plain > 0 {
		t.Errorf("a secret is stored as it is: %d, %v", plain, err)
	}
	actor.Operation = "disableTotp"
	if err := s.Store.DisableTOTP(t.Context(), actor, uuid.Nil, "000000x"); proofback.CodeOf(err) != proofback.CodeConflict {
		t.Errorf("a wrong code takes it away: %v", err)
	}
	if err := s.Store.DisableTOTP(t.Context(), actor, uuid.Nil, recovery[0]); err != nil {
		t.Fatal(err)
	}
	if got := try(""); got != "" {
		t.Errorf("after it was taken away: %s", got)
	}
	if got := entries(t, s); !slices.Equal(got, []string{"confirmTotp", "disableTotp"}) {
		t.Errorf("got %v", got)
	}
}

func TestWhoTakesSecondFactorsAway(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	owner, _, _ := withFactor(t, s)
	for name, tt := range map[string]struct {
		actor proofback.Actor
		want  proofback.Code
	}{
		"a manager":  {proofback.Actor{Role: proofback.RoleManager, UserID: uuid.New()}, proofback.CodeForbidden},
		"a partner":  {proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: uuid.New()}, proofback.CodeForbidden},
		"an API key": {proofback.Actor{Role: proofback.RoleAdmin, APIKeyID: uuid.New()}, proofback.CodeForbidden},
		"its owner":  {owner, proofback.CodeSecondFactor},
		"nobody":     {proofback.Actor{}, proofback.CodeUnauthenticated},
	} {
		if err := s.Store.DisableTOTP(t.Context(), tt.actor, owner.UserID, ""); proofback.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Store.DisableTOTP(t.Context(), proofback.Actor{Role: proofback.RoleAdmin, UserID: uuid.New()}, owner.UserID, ""); err != nil {
		t.Errorf("another ADMIN: %v", err)
	}
}

func TestASecondFactorOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	in := read(t, do("", signIn, map[string]string{"email": "kim@network.example", "password": "correct horse"}), "signIn")
	var begun struct{ Secret, URI string }
	got := do(in.Session.AccessToken, `mutation { beginTotp { secret uri userErrors { code message } } }`, nil)
	if err := json.Unmarshal(got.Data["beginTotp"], &begun); err != nil || begun.URI == "" {
		t.Fatalf("got %s %+v", got.Data, got.Errors)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.Secret)
	if err != nil {
		t.Fatal(err)
	}
	var confirmed struct{ RecoveryCodes []string }
	got = do(in.Session.AccessToken, `mutation($input: ConfirmTotpInput!) { confirmTotp(input: $input) { recoveryCodes userErrors { code } } }`,
		map[string]string{"code": codeOf(secret, time.Now())})
	if err := json.Unmarshal(got.Data["confirmTotp"], &confirmed); err != nil || len(confirmed.RecoveryCodes) != 10 {
		t.Fatalf("got %s %+v", got.Data, got.Errors)
	}
	if got := do(in.Session.AccessToken, `{ users { edges { node { secondFactor } } } }`, nil); string(got.Data["users"]) != `{"edges":[{"node":{"secondFactor":true}}]}` {
		t.Errorf("got %s %+v", got.Data, got.Errors)
	}
}

func TestCodesAreNotGuessedByWhoHasASession(t *testing.T) {
	t.Parallel()
	s, after := newTimedSessions(t)
	actor, secret, _ := withFactor(t, s)
	after(time.Minute)
	off := func(code string) proofback.Code {
		return proofback.CodeOf(s.Store.DisableTOTP(t.Context(), actor, uuid.Nil, code))
	}
	for range 2 * proofback.TriesOfAccount {
		if got := off(""); got != proofback.CodeSecondFactor {
			t.Fatalf("to ask whether a code is needed is no guess: %s", got)
		}
	}
	for i := range proofback.TriesOfAccount {
		if got := off("000000x"); got != proofback.CodeConflict {
			t.Fatalf("try %d: %s", i, got)
		}
	}
	if got := off(codeOf(secret, s.now())); got != proofback.CodeRateLimited {
		t.Errorf("one guess after the other: %q", got)
	}
	after(time.Minute)
	if got := off(codeOf(secret, s.now())); got != "" {
		t.Errorf("the right code, after the wait: %s", got)
	}
}

func TestWhatIsTypedAsAnAddressKeepsNobodyFromTheirToken(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	there := from(t.Context(), "203.0.113.7")
	for _, email := range []string{"token from 203.0.113.7", "reset kim@network.example"} {
		for range proofback.TriesOfAccount {
			if _, err := s.SignIn(t.Context(), email, "wrong horse", ""); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
				t.Fatal(err)
			}
		}
	}
	if err := s.Redeem(there, db.PasswordReset, "nonsense", "correct horse battery"); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("a token is not looked at: %v", err)
	}
	if err := s.AskForReset(there, "kim@network.example"); proofback.CodeOf(err) == proofback.CodeRateLimited {
		t.Errorf("a reset cannot be asked for: %v", err)
	}
}
