package db

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// The database roles of partners' requests. They are the same in all databases of a
// cluster, own nothing and cannot sign in; what they may do is granted in each
// database by its migrations.
const (
	affiliateRole  = "proofback_affiliate"
	advertiserRole = "proofback_advertiser"
)

// binding is what binds a transaction to the actor, to be sent along with BEGIN: the
// role, and whose rows the role's policies let through. It lasts as long as the
// transaction. Staff and Proofback itself act as the owner of the tables, which no
// policy is evaluated for; nobody else does.
func binding(a proofback.Actor) (string, error) {
	if err := a.Validate(); err != nil {
		return "", err
	}
	// The ids are UUIDs, which need no quoting.
	switch a.Role {
	case proofback.RoleAffiliate:
		return fmt.Sprintf("; SET LOCAL ROLE %s; SET LOCAL proofback.affiliate_id = '%s'; SET LOCAL proofback.user_id = '%s'",
			affiliateRole, a.AffiliateID, a.UserID), nil
	case proofback.RoleAdvertiser:
		return fmt.Sprintf("; SET LOCAL ROLE %s; SET LOCAL proofback.advertiser_id = '%s'; SET LOCAL proofback.user_id = '%s'",
			advertiserRole, a.AdvertiserID, a.UserID), nil
	}
	return "", nil
}

// asOwner lets fn use the transaction with the owner's rights, whoever acts: for what
// Proofback does by itself because of a partner, and for comparisons with others that
// tell the partner nothing of them. What fn reads must be narrowed by itself.
func (t *tx) asOwner(ctx context.Context, fn func() error) error {
	return t.withoutRole(func(sql string) error {
		_, err := t.ExecContext(ctx, sql)
		return err
	}, fn)
}

// lentAsOwner is asOwner where the connection is lent (asPgx).
func (t *tx) lentAsOwner(ctx context.Context, lent pgx.Tx, fn func() error) error {
	return t.withoutRole(func(sql string) error {
		_, err := lent.Exec(ctx, sql)
		return err
	}, fn)
}

func (t *tx) withoutRole(exec func(sql string) error, fn func() error) error {
	var role string
	switch t.actor.Role {
	case proofback.RoleAffiliate:
		role = affiliateRole
	case proofback.RoleAdvertiser:
		role = advertiserRole
	default:
		return fn()
	}
	if err := exec("SET LOCAL role TO DEFAULT"); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err // the transaction ends
	}
	return exec("SET LOCAL ROLE " + role)
}

// ensureRoles makes the roles of partners where the cluster has none, and makes sure
// that whom we connect as may take them. Databases of one cluster may do it at the
// same time.
func ensureRoles(ctx context.Context, pool *pgxpool.Pool) error {
	for _, role := range []string{affiliateRole, advertiserRole} {
		if err := ensureRole(ctx, pool, role); err != nil {
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42501" { // insufficient privilege
				return rolesError(ctx, pool, err)
			}
			return err
		}
	}
	return nil
}

func ensureRole(ctx context.Context, pool *pgxpool.Pool, role string) error {
	there, may, err := lookAtRole(ctx, pool, role)
	if err != nil {
		return err
	}
	if !there {
		if _, err := pool.Exec(ctx, "CREATE ROLE "+role+" NOLOGIN"); err != nil && !madeMeanwhile(err) {
			return err
		}
		if _, may, err = lookAtRole(ctx, pool, role); err != nil {
			return err
		}
	}
	if may {
		return nil
	}
	if _, err := pool.Exec(ctx, "GRANT "+role+" TO CURRENT_USER"); err != nil && !madeMeanwhile(err) {
		return err
	}
	return nil
}

// lookAtRole tells whether there is a role, and whether we may take it.
func lookAtRole(ctx context.Context, pool *pgxpool.Pool, role string) (there, may bool, err error) {
	err = pool.QueryRow(ctx, `
		SELECT
			count(*) > 0,
			coalesce(bool_and(CASE
				WHEN current_setting('server_version_num')::integer >= 160000 THEN pg_has_role(current_user, oid, 'SET')
				ELSE pg_has_role(current_user, oid, 'MEMBER')
			END), false)
		FROM pg_roles
		WHERE rolname = $1`, role).Scan(&there, &may)
	return there, may, err
}

// madeMeanwhile is whether a role, or being a member of it, was made by somebody else
// at the same moment.
func madeMeanwhile(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "42710" || pg.Code == "23505" || strings.Contains(pg.Message, "tuple concurrently updated"))
}

// rolesError says what whoever runs the cluster has to do.
func rolesError(ctx context.Context, pool *pgxpool.Pool, err error) error {
	user := "…"
	_ = pool.QueryRow(ctx, `SELECT quote_ident(current_user)`).Scan(&user)
	return fmt.Errorf("partners' requests need two roles that %s may not make or take (%w): let a superuser run CREATE ROLE %s NOLOGIN; CREATE ROLE %s NOLOGIN; GRANT %s, %s TO %s",
		user, err, affiliateRole, advertiserRole, affiliateRole, advertiserRole, user)
}
