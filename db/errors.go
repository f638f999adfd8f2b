package db

import (
	"context"
	"database/sql"
	"errors"
	"io"
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
	"conversions_claims":       {Code: proofback.CodeConflict, Message: "another event of the same click was counted at the same moment: look again and repeat"},
	"advertisers_postback_key": {Code: proofback.CodeConflict, Message: "try again"},

	"users_affiliate_id_fkey":            unknown("affiliate", "affiliateId"),
	"users_advertiser_id_fkey":           unknown("advertiser", "advertiserId"),
	"offers_advertiser_id_fkey":          unknown("advertiser", "advertiserId"),
	"payout_overrides_affiliate_id_fkey": unknown("affiliate", "affiliateId"),
	"offer_access_offer_id_fkey":         unknown("offer", "offerId"),
	"offer_access_affiliate_id_fkey":     unknown("affiliate", "affiliateId"),
	"tracking_links_offer_id_fkey":       unknown("offer", "offerId"),
	"tracking_links_affiliate_id_fkey":   unknown("affiliate", "affiliateId"),
	"destinations_affiliate_id_fkey":     unknown("affiliate", "affiliateId"),
	"destinations_offer_id_fkey":         unknown("offer", "offerId"),
}

// unknown is what a foreign key says of an input that names no row.
func unknown(what, field string) *proofback.Error {
	e := proofback.NotFound(what)
	e.Field = []string{field}
	return e
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
		if pg.SeverityUnlocalized == "FATAL" || pg.SeverityUnlocalized == "PANIC" {
			return true // the connection is over, whatever the server's reason is
		}
		switch pg.Code[:2] {
		case "08", // connection exception
			"40", // transaction rollback: a deadlock, a conflict with another
			"53", // insufficient resources
			"57": // operator intervention: shut down, starting up, cancelled
			return true
		}
		return lockNotAvailable(err)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || pgconn.SafeToRetry(err)
}

// lockNotAvailable reports whether a lock was not to be had in time.
func lockNotAvailable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03"
}

// violates reports whether err is a refusal by the named constraint.
func violates(err error, constraint string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.ConstraintName == constraint
}

// missing says which input names a row that a query did not find.
func missing(err error, what string, field ...string) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	e := proofback.NotFound(what)
	e.Field = field
	return e
}

// asProblems gives what a Validate found as a list that more can be added to;
// errors of another kind are given back.
func asProblems(err error) (proofback.Problems, error) {
	if p, ok := errors.AsType[proofback.Problems](err); ok || err == nil {
		return p, nil
	}
	return nil, err
}
