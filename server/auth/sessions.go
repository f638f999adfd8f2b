package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// How long tokens are good. An access token cannot be called back, so it is
// short; a refresh token is looked up each time, so it may be long.
const (
	AccessTTL  = 15 * time.Minute
	RefreshTTL = 30 * 24 * time.Hour
)

// Sessions signs users in against the database.
type Sessions struct {
	Store  *db.Store
	Tokens *Tokens
	// Now is the clock; default time.Now.
	Now       func() time.Time
	passwords Passwords
}

var _ graph.Sessions = (*Sessions)(nil)

// errWrongCredentials does not say which of the two was wrong.
var errWrongCredentials = proofback.Errorf(proofback.CodeUnauthenticated, "e-mail or password is wrong")

// SignIn starts a session. A wrong e-mail and a wrong password are the same
// answer, in the same time: a password is compared in either case. Each try counts for
// the account, whether there is one or not, and for where it comes from; after some
// that failed, further ones have to wait.
func (s *Sessions) SignIn(ctx context.Context, email, password, code string) (graph.Session, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	try := tried(ctx, email)
	if err := s.Store.BeginTry(ctx, proofback.System(), try); err != nil {
		return graph.Session{}, err
	}
	user, hash, err := s.known(ctx, email, password)
	if err != nil {
		return graph.Session{}, err
	}
	if err := s.Store.UseSecondFactor(ctx, proofback.System(), user.ID, code); err != nil {
		return graph.Session{}, err
	}
	if err := s.Store.EndTry(ctx, proofback.System(), try); err != nil {
		return graph.Session{}, err
	}
	return s.begin(ctx, user, hash)
}

// begin starts a session of a user whose password was compared with a hash.
func (s *Sessions) begin(ctx context.Context, user *proofback.User, hash string) (graph.Session, error) {
	refresh := newRefreshToken()
	id, err := s.Store.StartSession(ctx, system(ctx), db.NewSession{
		User: user, PasswordHash: hash, TokenHash: hashOf(refresh), Expires: s.now().Add(RefreshTTL),
	})
	if err != nil {
		return graph.Session{}, err
	}
	actor := actorOf(user)
	actor.SessionID = id
	return s.session(actor, refresh)
}

// known gives the user with an address and a password, and the hash that this was
// compared with.
func (s *Sessions) known(ctx context.Context, email, password string) (*proofback.User, string, error) {
	if len(password) > 4*proofback.MaxPassword {
		password = "" // nobody's; saves hashing what cannot be right
	}
	user, hash, err := s.Store.Credentials(ctx, proofback.System(), email)
	if err != nil && proofback.CodeOf(err) != proofback.CodeNotFound {
		return nil, "", err
	}
	same, err := s.passwords.Matches(ctx, password, hash)
	if err != nil {
		return nil, "", proofback.Internal("compare a password", err)
	}
	if !same {
		return nil, "", errWrongCredentials
	}
	return user, hash, nil
}

// Refresh trades a refresh token for a new session, once.
func (s *Sessions) Refresh(ctx context.Context, refreshToken string) (graph.Session, error) {
	next := newRefreshToken()
	user, id, err := s.Store.RotateRefreshToken(ctx, system(ctx), db.Rotation{
		Old:     hashOf(refreshToken),
		New:     hashOf(next),
		Expires: s.now().Add(RefreshTTL),
	})
	if err != nil {
		return graph.Session{}, err
	}
	actor := actorOf(user)
	actor.SessionID = id
	return s.session(actor, next)
}

// HashPassword makes what is stored of a password.
func (s *Sessions) HashPassword(ctx context.Context, password string) (string, error) {
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = proofback.Internal("hash a password", err)
	}
	return hash, err
}

func (s *Sessions) session(a proofback.Actor, refresh string) (graph.Session, error) {
	access, expires, err := s.Tokens.Sign(a, AccessTTL)
	if err != nil {
		return graph.Session{}, proofback.Internal("sign an access token", err)
	}
	return graph.Session{AccessToken: access, RefreshToken: refresh, ExpiresAt: expires}, nil
}

func (s *Sessions) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

// system is Proofback itself, on behalf of who is signing in.
func system(ctx context.Context) proofback.Actor {
	a, from := proofback.System(), graph.ActorFrom(ctx)
	a.Operation, a.RequestID = from.Operation, from.RequestID
	return a
}

func actorOf(u *proofback.User) proofback.Actor {
	return proofback.Actor{Role: u.Role, UserID: u.ID, AffiliateID: u.AffiliateID, AdvertiserID: u.AdvertiserID}
}

// newRefreshToken makes 256 random bits: nothing that could be guessed, so a
// plain hash of it is enough to keep.
func newRefreshToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func hashOf(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}
