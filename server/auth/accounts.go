package auth

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
)

// Accounts is the graph.Accounts of Sessions.
var _ graph.Accounts = (*Sessions)(nil)

// tried is what is counted for a try of somebody's from where the request comes. An address
// is in lower case; what else is counted begins in upper case, so that nobody who signs in
// with its name for an address uses up the tries of others.
func tried(ctx context.Context, account string) db.Try {
	return db.Try{Account: account, Network: proofback.TryNetwork(graph.AddressFrom(ctx))}
}

// Redeem sets the password of whoever a one-time token was given to.
func (s *Sessions) Redeem(ctx context.Context, p db.Purpose, token, password string) error {
	try := tried(ctx, "")
	try.Account = "TOKEN FROM " + try.Network // whose it would be is not known
	if err := s.Store.BeginTry(ctx, proofback.System(), try); err != nil {
		return err
	}
	if err := checkPassword(password); err != nil {
		return err
	}
	if err := s.Store.CheckToken(ctx, proofback.System(), p, token); err != nil {
		return err
	}
	hash, err := s.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	u, err := s.Store.RedeemToken(ctx, system(ctx), p, token, hash)
	if err != nil {
		return err
	}
	// Whoever was kept out by tries before may sign in with it.
	if err := s.Store.EndTry(ctx, proofback.System(), db.Try{Account: u.Email}); err != nil {
		return err
	}
	return s.Store.EndTry(ctx, proofback.System(), try)
}

// AskForReset has a token mailed to an address, if it is somebody's.
func (s *Sessions) AskForReset(ctx context.Context, email string) error {
	email = strings.ToLower(strings.TrimSpace(email))
	if err := s.Store.BeginTry(ctx, proofback.System(), tried(ctx, "RESET "+email)); err != nil {
		return err
	}
	return s.Store.AskForReset(ctx, system(ctx), email)
}

// ChangePassword gives who acts another password, for the one that it has.
func (s *Sessions) ChangePassword(ctx context.Context, actor proofback.Actor, current, next string) error {
	if err := actor.RequirePerson(); err != nil {
		return err
	}
	if actor.UserID == uuid.Nil {
		return proofback.Errorf(proofback.CodeConflict, "only a user of this network has a password here")
	}
	if err := checkPassword(next); err != nil {
		return err
	}
	users, err := s.Store.UsersByID(ctx, proofback.System(), []uuid.UUID{actor.UserID})
	if err != nil {
		return err
	}
	if users[actor.UserID] == nil {
		return proofback.ErrUnauthenticated
	}
	email := users[actor.UserID].Email
	if err := s.Store.BeginTry(ctx, proofback.System(), tried(ctx, email)); err != nil {
		return err
	}
	if _, _, err := s.known(ctx, email, current); errors.Is(err, errWrongCredentials) {
		return &proofback.Error{Code: proofback.CodeInvalid, Field: []string{"current"}, Message: "this is not your password", Err: err}
	} else if err != nil {
		return err // it was not compared: who typed the right one is not told that it is wrong
	}
	hash, err := s.HashPassword(ctx, next)
	if err != nil {
		return err
	}
	if err := s.Store.SetPassword(ctx, actor, hash); err != nil {
		return err
	}
	return s.Store.EndTry(ctx, proofback.System(), tried(ctx, email))
}

func checkPassword(password string) error {
	if l := utf8.RuneCountInString(password); l < proofback.MinPassword || l > proofback.MaxPassword {
		return proofback.Invalid([]string{"password"}, "%d to %d characters", proofback.MinPassword, proofback.MaxPassword)
	}
	return nil
}
