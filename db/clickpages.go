package db

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// pagedClickColumns are a click's without the texts that it shares with others, in the
// order of scanClicks.
const pagedClickColumns = `k.id, k.at, k.link_id, k.offer_id, k.affiliate_id, k.advertiser_id, k.terms_id, k.outcome, k.flags, k.bot,
	coalesce(k.country, ''), k.device, coalesce(host(k.ip), ''), coalesce(k.source, ''), coalesce(k.creative, ''),
	coalesce(k.sub1, ''), coalesce(k.sub2, ''), coalesce(k.sub3, ''), coalesce(k.sub4, ''), coalesce(k.sub5, ''),
	coalesce(k.sub6, ''), coalesce(k.sub7, ''), coalesce(k.sub8, ''), coalesce(k.sub9, ''), coalesce(k.sub10, '')`

// scanClicks reads rows of pagedClickColumns.
func scanClicks(a proofback.Actor, take func(*proofback.Click)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			c := new(proofback.Click)
			var address string
			dest := []any{
				&c.ID, &c.At, &c.LinkID, &c.OfferID, &c.AffiliateID, &c.AdvertiserID, &c.TermsID, &c.Outcome, &c.Flags, &c.Bot,
				&c.Country, &c.Device, &address, &c.Source, &c.Creative,
			}
			for i := range c.Subs {
				dest = append(dest, &c.Subs[i])
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			c.At = c.At.UTC()
			c.IP, _ = netip.ParseAddr(address) // "" is the zero address
			c.MaskFor(a)
			take(c)
		}
		return rows.Err()
	}
}

// maxClickDays is for how many days clicks are asked for day by day.
const maxClickDays = 16

// clicksByDay finds clicks by id, in a statement for each day on which they were made,
// since a click's partition is its day's: the planner has that one alone before it, and
// its plan is good for whatever ids of the day. Clicks of days that have no partition, and
// of very many days, are looked for everywhere.
func clicksByDay(a proofback.Actor, ids []uuid.UUID, leaves map[clickDay]*clickLeaf, take func(*proofback.Click)) []pageQuery {
	days := map[time.Time][]uuid.UUID{}
	var elsewhere []uuid.UUID
	for _, id := range ids {
		day := proofback.UUIDTime(id).Truncate(24 * time.Hour)
		if _, known := days[day]; leaves[clickDayOf(id)] != nil && (known || len(days) < maxClickDays) {
			days[day] = append(days[day], id)
		} else {
			elsewhere = append(elsewhere, id)
		}
	}
	query := func(where string, ids []uuid.UUID) pageQuery {
		values := parameters{ids}
		return pageQuery{
			sql: `
				SELECT ` + pagedClickColumns + `
				FROM clicks AS k
				WHERE k.id = ANY ($1)` + where + `
				AND ` + values.own(a, "k"),
			args: values,
			read: scanClicks(a, take),
		}
	}
	var list []pageQuery
	for _, day := range slices.SortedFunc(maps.Keys(days), time.Time.Compare) {
		within := fmt.Sprintf(" AND k.id >= '%s' AND k.id < '%s'", proofback.UUIDFloor(day), proofback.UUIDFloor(day.Add(24*time.Hour)))
		list = append(list, query(within, days[day]))
	}
	if len(elsewhere) > 0 {
		list = append(list, query("", elsewhere))
	}
	return list
}

// ClicksByID gives those of ids that the actor may see, without the texts that clicks
// share (UserAgentsByClick).
func (s *Store) ClicksByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Click, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	leaves, err := s.leaves.get(ctx, s.hot)
	if err != nil {
		return nil, domainError(err)
	}
	found := make(map[uuid.UUID]*proofback.Click, len(ids))
	return found, s.readOnce(ctx, actor, clicksByDay(actor, ids, leaves, func(c *proofback.Click) { found[c.ID] = c })...)
}

// UserAgentsByClick gives what visitors said of their browsers, of those clicks that the
// actor may see. It is looked up for each click, which is why ClicksByID leaves it out.
func (s *Store) UserAgentsByClick(ctx context.Context, actor proofback.Actor, clicks []uuid.UUID) (map[uuid.UUID]string, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]string, len(clicks))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []clickRow
		q := tx.NewSelect().
			Model(&rows).
			Column("id").
			ColumnExpr("user_agent_of(click.user_agent_id) AS user_agent").
			Where("click.id IN (?)", bun.List(clicks))
		err := ownRows(q, actor, "click").Scan(ctx)
		for i := range rows {
			found[rows[i].ID] = rows[i].UserAgent
		}
		return err
	})
	return found, err
}
