package db

import (
	"context"
	"database/sql"
	"errors"
	"net"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// constraintErrors says what a broken constraint means to a caller.
var constraintErrors = map[string]*proofback.Error{
	"users_email":              {Code: proofback.CodeConflict, Field: []string{"email"}, Message: "there is already a user with this e-mail address"},
	"users_role_fits":          {Code: proofback.CodeInvalid, Field: []string{"role"}, Message: "the role does not fit the partner: AFFILIATE needs an affiliate, ADVERTISER an advertiser, staff neither"},
	"tracking_links_code":      {Code: proofback.CodeConflict, Message: "this link code is taken: try again"},
	"terms_version":            {Code: proofback.CodeConflict, Message: "the offer was changed by somebody else at the same moment: look again and repeat"},
	"goals_event_type":         {Code: proofback.CodeConflict, Message: "the offer was changed by somebody else at the same moment: look again and repeat"},
	"offer_access_once":        {Code: proofback.CodeConflict, Message: "access was asked for at the same moment: look again"},
	"advertisers_postback_key": {Code: proofback.CodeConflict, Message: "try again"},
}

// domainError turns what database/sql, pgx and Postgres say into a
// *proofback.Error; errors that are one already pass.
func domainError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*proofback.Error](err); ok {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, pgx.ErrNoRows) {
		return proofback.NotFound("thing")
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if known, ok := constraintErrors[pg.ConstraintName]; ok {
			e := *known
			e.Err = err
			return &e
		}
	}
	if unavailable(err) {
		return &proofback.Error{Code: proofback.CodeUnavailable, Message: "the database is not available: nothing was stored, try again", Err: err}
	}
	return proofback.Internal("database", err)
}

// unavailable reports whether err says that Postgres could not be asked, rather
// than that it was asked something wrong.
func unavailable(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true // whatever the server's reason is
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code[:2] {
		case "08", // connection exception
			"40", // transaction rollback: a deadlock, a conflict with another
			"53", // insufficient resources
			"57": // operator intervention: shut down, starting up, cancelled
			return true
		}
		return pg.Code == "55P03" // a lock was not to be had in time
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// violates reports whether err is a refusal by the named constraint.
func violates(err error, constraint string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.ConstraintName == constraint
}
