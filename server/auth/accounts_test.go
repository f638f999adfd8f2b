package auth

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// entries are the operations in the audit log, oldest first.
func entries(t *testing.T, s *Sessions) []string {
	t.Helper()
	w, err := s.Store.AuditLog(t.Context(), proofback.System(), proofback.AuditLogFilter{}, proofback.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range slices.Backward(w.Items) {
		list = append(list, e.Operation)
	}
	return list
}

func TestAnInvitationIsFollowedOnce(t *testing.T) {
	t.Parallel()
	s, after := newTimedSessions(t)
	do := serve(t, s)
	const password = "a long password"
	ctx := graph.WithActor(t.Context(), proofback.Actor{Operation: "acceptInvitation", RequestID: "r"})
	admin := proofback.Actor{Role: proofback.RoleAdmin, Operation: "inviteUser"}
	u, first, err := s.Store.InviteUser(t.Context(), admin, proofback.User{Email: "lea@network.example", Role: proofback.RoleManager})
	if err != nil || first.Token == "" {
		t.Fatal(err)
	}
	if _, err := s.SignIn(t.Context(), u.Email, "", ""); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("one without a password signed in: %v", err)
	}
	admin.Operation = "resendInvitation"
	_, second, err := s.Store.HandToken(t.Context(), admin, db.Invitation, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"the one before": first.Token, "nonsense": "x", "none": ""} {
		if err := s.Redeem(ctx, db.Invitation, token, password); proofback.CodeOf(err) != proofback.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Redeem(ctx, db.PasswordReset, second.Token, password); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("for another purpose: %v", err)
	}
	if err := s.Redeem(ctx, db.Invitation, second.Token, "short"); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("a short password: %v", err)
	}
	after(time.Minute)
	accept := `mutation($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { userErrors { code } } }`
	if got := do("", accept, map[string]string{"token": second.Token, "password": password}); string(got.Data["acceptInvitation"]) != `{"userErrors":[]}` {
		t.Fatalf("got %s %+v", got.Data, got.Errors)
	}
	if err := s.Redeem(ctx, db.Invitation, second.Token, password); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("used twice: %v", err)
	}
	if _, err := s.SignIn(t.Context(), u.Email, password, ""); err != nil {
		t.Error(err)
	}
	if _, _, err := s.Store.HandToken(t.Context(), admin, db.Invitation, u.ID); proofback.CodeOf(err) != proofback.CodeConflict {
		t.Errorf("one who has joined is invited: %v", err)
	}
	if got, want := entries(t, s), []string{"inviteUser", "resendInvitation", "acceptInvitation"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAPasswordIsSetAnewByAToken(t *testing.T) {
	t.Parallel()
	s, after := newTimedSessions(t)
	id := addUser(t, s, proofback.User{Email: "lea@network.example", Role: proofback.RoleManager})
	session, err := s.SignIn(t.Context(), "lea@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	token := func() string {
		t.Helper()
		_, handed, err := s.Store.HandToken(t.Context(), proofback.Actor{Role: proofback.RoleAdmin}, db.PasswordReset, id)
		if err != nil {
			t.Fatal(err)
		}
		return handed.Token
	}
	late := token()
	after(time.Hour)
	if err := s.Redeem(t.Context(), db.PasswordReset, late, "another password"); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("after an hour: %v", err)
	}
	ctx := graph.WithActor(t.Context(), proofback.Actor{Operation: "resetPassword"})
	if err := s.Redeem(ctx, db.PasswordReset, token(), "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context(), session.RefreshToken); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("a session goes on: %v", err)
	}
	if _, err := s.SignIn(t.Context(), "lea@network.example", "correct horse", ""); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("the old password is good: %v", err)
	}
	if _, err := s.SignIn(t.Context(), "lea@network.example", "another password", ""); err != nil {
		t.Error(err)
	}
	disabled := token()
	if _, err := s.Store.UpdateUser(t.Context(), proofback.System(), id, func(u *proofback.User) { u.Disabled = true }); err != nil {
		t.Fatal(err)
	}
	if err := s.Redeem(t.Context(), db.PasswordReset, disabled, "a third password"); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("one who is shut out: %v", err)
	}
	if err := s.AskForReset(t.Context(), "lea@network.example"); proofback.CodeOf(err) != proofback.CodeConflict {
		t.Errorf("without mail: %v", err)
	}
	if got := entries(t, s); !slices.Equal(got, []string{"resetPassword"}) {
		t.Errorf("got %v", got)
	}
}

func TestAPasswordIsChangedByWhoKnowsIt(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	signIn := func(password string) (graph.Session, proofback.Actor) {
		t.Helper()
		session, err := s.SignIn(t.Context(), "kim@network.example", password, "")
		if err != nil {
			t.Fatal(err)
		}
		actor, err := s.Tokens.Verify(t.Context(), session.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		actor.Operation = "changePassword"
		return session, actor
	}
	here, actor := signIn("correct horse")
	there, _ := signIn("correct horse")
	if err := s.ChangePassword(t.Context(), actor, "wrong horse", "another password"); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("by a wrong one: %v", err)
	}
	if err := s.ChangePassword(t.Context(), actor, "correct horse", "another password"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Refresh(t.Context(), there.RefreshToken); proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("another session goes on: %v", err)
	}
	if _, err := s.Refresh(t.Context(), here.RefreshToken); err != nil {
		t.Errorf("this session ended: %v", err)
	}
	signIn("another password")
	if got := entries(t, s); !slices.Equal(got, []string{"changePassword"}) {
		t.Errorf("got %v", got)
	}
}

func TestSigningOutEverywhere(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	do := serve(t, s)
	var sessions []graph.Session
	for range 2 {
		session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, session)
	}
	if got := do(sessions[0].AccessToken, `mutation { signOutEverywhere { userErrors { code } } }`, nil); got.code() != "" {
		t.Fatalf("got %+v", got)
	}
	for _, session := range sessions {
		if got := do(session.AccessToken, viewer, nil); got.code() != "UNAUTHENTICATED" {
			t.Errorf("an access token is good: %+v", got)
		}
	}
}

// noMail takes letters, and brings them nowhere.
type noMail struct{ asked []string }

func (m *noMail) EnqueueToken(_ context.Context, _ pgx.Tx, _ db.Purpose, email string) error {
	m.asked = append(m.asked, email)
	return nil
}

// That somebody asked for a password to be set anew is told in the audit log, by the
// request that it was: whether the address is anybody's, nobody learns from it.
func TestAskingForAResetIsToldInTheAuditLog(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	mail := &noMail{}
	s.Store.SetMailer(mail)
	do := serve(t, s)
	const ask = `mutation($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { code } } }`
	for _, email := range []string{"lea@network.example", "nobody@network.example"} {
		if got := do("", ask, map[string]string{"email": email}); string(got.Data["requestPasswordReset"]) != `{"userErrors":[]}` {
			t.Fatalf("got %s %+v", got.Data, got.Errors)
		}
	}
	if got := entries(t, s); !slices.Equal(got, []string{"requestPasswordReset", "requestPasswordReset"}) || len(mail.asked) != 2 {
		t.Errorf("got %v, %v", got, mail.asked)
	}
	w, err := s.Store.AuditLog(t.Context(), proofback.System(), proofback.AuditLogFilter{}, proofback.Page{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range w.Items {
		if e.UserID != uuid.Nil || len(e.Changes) != 0 {
			t.Errorf("it tells who was asked for: %+v", e)
		}
	}
}

// A token was handed to whoever reads an address: who has another one, or was shut out,
// is not to be taken over with it.
func TestATokenEndsWithTheAddressThatItWasFor(t *testing.T) {
	t.Parallel()
	s, _ := newTimedSessions(t)
	admin := proofback.Actor{Role: proofback.RoleAdmin}
	change := func(id uuid.UUID, to func(*proofback.User)) {
		t.Helper()
		if _, err := s.Store.UpdateUser(t.Context(), admin, id, to); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		changes []func(*proofback.User)
		want    proofback.Code
	}{
		"lea": {[]func(*proofback.User){func(u *proofback.User) { u.Email = "another-" + u.Email }}, proofback.CodeInvalid},
		"mia": {[]func(*proofback.User){func(u *proofback.User) { u.Disabled = true }, func(u *proofback.User) { u.Disabled = false }}, proofback.CodeInvalid},
		"noa": {[]func(*proofback.User){func(*proofback.User) {}}, ""},
	} {
		u, handed, err := s.Store.InviteUser(t.Context(), admin, proofback.User{Email: name + "@network.example", Role: proofback.RoleManager})
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range tt.changes {
			change(u.ID, to)
		}
		if err := s.Redeem(t.Context(), db.Invitation, handed.Token, "a long password"); proofback.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A password that is set anew while somebody signs in with the old one is set anew
// because of them.
func TestSigningInWithThePasswordOfBeforeEndsWithIt(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	id := addUser(t, s, proofback.User{Email: "lea@network.example", Role: proofback.RoleManager})
	_, handed, err := s.Store.HandToken(t.Context(), proofback.Actor{Role: proofback.RoleAdmin}, db.PasswordReset, id)
	if err != nil {
		t.Fatal(err)
	}
	// The old password is being compared …
	lea, hash, err := s.Store.Credentials(t.Context(), proofback.System(), "lea@network.example")
	if err != nil {
		t.Fatal(err)
	}
	// … while the new one comes into force, and all sessions end.
	if err := s.Redeem(t.Context(), db.PasswordReset, handed.Token, "another password"); err != nil {
		t.Fatal(err)
	}
	_, err = s.begin(t.Context(), lea, hash)
	if proofback.CodeOf(err) != proofback.CodeUnauthenticated {
		t.Errorf("got %v", err)
	}
}

func TestAPasswordThatWasNotComparedIsNotCalledWrong(t *testing.T) {
	t.Parallel()
	s := newSessions(t)
	session, err := s.SignIn(t.Context(), "kim@network.example", "correct horse", "")
	if err != nil {
		t.Fatal(err)
	}
	kim, err := s.Tokens.Verify(t.Context(), session.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	for range maxHashing { // all are taken
		s.passwords.turn <- struct{}{}
	}
	late, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := s.ChangePassword(late, kim, "correct horse", "another password"); err == nil || proofback.CodeOf(err) == proofback.CodeInvalid {
		t.Errorf("got %v", err)
	}
}
