package db

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// clickRow is a row of clicks as it is read, with the texts that it shares with
// others.
type clickRow struct {
	bun.BaseModel `bun:"table:clicks,alias:click"`

	ID           uuid.UUID              `bun:"id,pk"`
	At           time.Time              `bun:"at"`
	LinkID       uuid.UUID              `bun:"link_id"`
	OfferID      uuid.UUID              `bun:"offer_id"`
	AffiliateID  uuid.UUID              `bun:"affiliate_id"`
	AdvertiserID uuid.UUID              `bun:"advertiser_id"`
	TermsID      uuid.UUID              `bun:"terms_id"`
	Outcome      proofback.ClickOutcome `bun:"outcome"`
	Flags        proofback.ClickFlags   `bun:"flags"`
	Bot          bool                   `bun:"bot"`
	Country      string                 `bun:"country"`
	Device       proofback.Device       `bun:"device"`
	Source       string                 `bun:"source"`
	Creative     string                 `bun:"creative"`
	Sub1         string                 `bun:"sub1"`
	Sub2         string                 `bun:"sub2"`
	Sub3         string                 `bun:"sub3"`
	Sub4         string                 `bun:"sub4"`
	Sub5         string                 `bun:"sub5"`
	Sub6         string                 `bun:"sub6"`
	Sub7         string                 `bun:"sub7"`
	Sub8         string                 `bun:"sub8"`
	Sub9         string                 `bun:"sub9"`
	Sub10        string                 `bun:"sub10"`

	Address   string `bun:"address,scanonly"`
	UserAgent string `bun:"user_agent,scanonly"`
	Referrer  string `bun:"referrer,scanonly"`
}

// selectClicks begins a query for the clicks that the actor may see. The shared
// texts are looked up for the rows that are given out, and for no others.
func selectClicks(tx *tx, rows *[]clickRow) *bun.SelectQuery {
	q := tx.NewSelect().
		Model(rows).
		ColumnExpr("?TableColumns").
		ColumnExpr("host(click.ip) AS address").
		ColumnExpr("user_agent_of(click.user_agent_id) AS user_agent").
		ColumnExpr("referrer_of(click.referrer_id) AS referrer")
	return ownRows(q, tx.actor, "click")
}

// value gives a row as the actor may see it.
func (r *clickRow) value(a proofback.Actor) *proofback.Click {
	c := &proofback.Click{
		ID:           r.ID,
		At:           r.At.UTC(),
		LinkID:       r.LinkID,
		OfferID:      r.OfferID,
		AffiliateID:  r.AffiliateID,
		AdvertiserID: r.AdvertiserID,
		TermsID:      r.TermsID,
		Outcome:      r.Outcome,
		Flags:        r.Flags,
		Bot:          r.Bot,
		Country:      r.Country,
		Device:       r.Device,
		UserAgent:    r.UserAgent,
		Referrer:     r.Referrer,
		Source:       r.Source,
		Creative:     r.Creative,
		Subs:         [10]string{r.Sub1, r.Sub2, r.Sub3, r.Sub4, r.Sub5, r.Sub6, r.Sub7, r.Sub8, r.Sub9, r.Sub10},
	}
	c.IP, _ = netip.ParseAddr(r.Address) // "" is the zero address
	c.MaskFor(a)
	return c
}

// Clicks lists clicks, newest first: all to staff, its own to a partner.
func (s *Store) Clicks(ctx context.Context, actor proofback.Actor, f proofback.ClickFilter, p proofback.Page) (proofback.Window[*proofback.Click], error) {
	var w proofback.Window[*proofback.Click]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	if err := f.Validate(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []clickRow
		err := pageByID(clicksLike(selectClicks(tx, &rows), f), "click.id", p).Scan(ctx)
		w = window(p, rows, func(r *clickRow) *proofback.Click { return r.value(actor) })
		return err
	})
	return w, err
}

func clicksLike(q *bun.SelectQuery, f proofback.ClickFilter) *bun.SelectQuery {
	// A click's time is its key's, so a range of times is one of keys, and of
	// partitions.
	if !f.From.IsZero() {
		q.Where("click.id >= ?", proofback.UUIDFloor(ceilMilli(f.From)))
	}
	if !f.To.IsZero() {
		q.Where("click.id < ?", proofback.UUIDFloor(ceilMilli(f.To)))
	}
	if f.OfferID != uuid.Nil {
		q.Where("click.offer_id = ?", f.OfferID)
	}
	if f.AffiliateID != uuid.Nil {
		q.Where("click.affiliate_id = ?", f.AffiliateID)
	}
	if f.ClickID != uuid.Nil {
		q.Where("click.id = ?", f.ClickID)
	}
	if f.ClickID == uuid.Nil {
		// Test clicks, and they alone, have no link: unlike a flag's bit, that is
		// something the planner has statistics of.
		q.Where("(click.link_id = ?) = ?", uuid.Nil, f.Tests)
	}
	if f.SubIndex != 0 {
		q.Where("? = ?", bun.Ident(fmt.Sprintf("click.sub%d", f.SubIndex)), f.SubValue)
	}
	if f.Country != "" {
		q.Where("click.country = ?", f.Country)
	}
	if f.Device != "" {
		q.Where("click.device = ?", f.Device)
	}
	if f.Bot != nil {
		q.Where("click.bot = ?", *f.Bot)
	}
	return q
}

// ceilMilli is the first whole millisecond at or after t: keys tell no more.
func ceilMilli(t time.Time) time.Time {
	if whole := t.Truncate(time.Millisecond); whole.Before(t) {
		return whole.Add(time.Millisecond)
	}
	return t
}
