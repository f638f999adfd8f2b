package db

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// What pages ask for again and again is asked in one round trip: BEGIN, what binds the
// transaction to the actor, the statements, and COMMIT. Their values are parameters, so
// that a connection plans each once; bun writes values into the text, and has every
// statement parsed and planned anew, which for these costs more than running it.
//
// That is for statements alone for which one plan does whatever the values are: by keys,
// or along an index that the text names with its order and its limit.

// pageQuery is such a statement, and what is done with its rows: perhaps once more, after
// another statement was refused (outgrown).
type pageQuery struct {
	sql  string
	args []any
	read func(pgx.Rows) error
}

// maxPrepared is how many statements a connection keeps prepared: those asked for last.
// Pages differ by role, order and limit, and clicks by their day.
const maxPrepared = 128

// preparedKey is where a connection has what it keeps prepared.
const preparedKey = "proofback.prepared"

// prepare has a connection know a statement, which it does after the first time.
func prepare(ctx context.Context, conn *pgx.Conn, sql string) error {
	known, ok := conn.PgConn().CustomData()[preparedKey].(*lru.Cache[string, bool])
	if !ok {
		known = newLRU[string, bool](maxPrepared + 1)
		conn.PgConn().CustomData()[preparedKey] = known
	}
	if _, ok := known.Get(sql); ok {
		return nil
	}
	if _, err := conn.Prepare(ctx, sql, sql); err != nil {
		return err
	}
	known.Add(sql, true)
	if known.Len() <= maxPrepared {
		return nil
	}
	oldest, _, _ := known.RemoveOldest()
	return conn.Deallocate(ctx, oldest)
}

// readOnce is readTx for statements that do not depend on each other, in one round trip.
// It opens people's transactions as txWith does.
func (s *Store) readOnce(ctx context.Context, actor proofback.Actor, queries ...pageQuery) error {
	bind, err := bindingQuery(actor)
	if err != nil {
		return err
	}
	all := make([]pageQuery, 0, len(queries)+3)
	all = append(all, pageQuery{sql: beginRead})
	if bind.sql != "" {
		all = append(all, bind)
	}
	all = append(append(all, queries...), pageQuery{sql: "COMMIT"})
	err = s.readAll(ctx, all)
	if outgrown(err) {
		s.pool.Reset() // all of its connections may know the statement as it was
		err = s.readAll(ctx, all)
	}
	return domainError(err)
}

// readAll asks a connection for a transaction's statements.
func (s *Store) readAll(ctx context.Context, all []pageQuery) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // the pool drops a connection with an open transaction
	var b pgx.Batch
	for _, q := range all {
		if err := prepare(ctx, conn.Conn(), q.sql); err != nil {
			return err
		}
		queued := b.Queue(q.sql, q.args...)
		if q.read != nil {
			queued.Query(q.read)
		}
	}
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		if !conn.Conn().IsClosed() {
			ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
			defer cancel()
			_, _ = conn.Exec(ended, `ROLLBACK`)
		}
		return err
	}
	return nil
}

// bindingQuery is binding as a statement of its own.
func bindingQuery(a proofback.Actor) (pageQuery, error) {
	if err := a.Validate(); err != nil {
		return pageQuery{}, err
	}
	var (
		role, setting string
		id            uuid.UUID
	)
	switch a.Role {
	case proofback.RoleAffiliate:
		role, setting, id = affiliateRole, "proofback.affiliate_id", a.AffiliateID
	case proofback.RoleAdvertiser:
		role, setting, id = advertiserRole, "proofback.advertiser_id", a.AdvertiserID
	default:
		return pageQuery{}, nil
	}
	return pageQuery{
		sql: fmt.Sprintf(`SELECT set_config('role', '%s', true), set_config('%s', $1, true), set_config('proofback.user_id', $2, true)`, role, setting),
		// As settings are: text.
		args: []any{id.String(), a.UserID.String()},
	}, nil
}

// parameters are the values of a statement that is put together piece by piece.
type parameters []any

// add gives what stands for a value in the text.
func (p *parameters) add(v any) string {
	*p = append(*p, v)
	return fmt.Sprintf("$%d", len(*p))
}

// own is ownRows for a statement with parameters: what follows AND.
func (p *parameters) own(a proofback.Actor, table string) string {
	switch {
	case a.IsStaff():
		return "TRUE"
	case a.Role == proofback.RoleAffiliate:
		return table + ".affiliate_id = " + p.add(a.AffiliateID)
	case a.Role == proofback.RoleAdvertiser:
		return table + ".advertiser_id = " + p.add(a.AdvertiserID)
	}
	return "FALSE"
}
