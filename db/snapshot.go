package db

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// Snapshot is the set-up as it stood at one moment: everything that a click or
// a postback is judged by and that people change by hand. It is never changed;
// what it gives may be shared and must not be written to.
type Snapshot struct {
	links       map[string]*Link
	advertisers map[uuid.UUID]*proofback.Advertiser
	keys        map[string]*proofback.Advertiser
	secrets     map[uuid.UUID][]secret           // of advertisers that need one
	terms       map[uuid.UUID]*proofback.Terms   // by their own id
	landings    map[uuid.UUID]*proofback.Landing // by the id of the terms
	overrides   map[run][]proofback.PayoutOverride
	counted     map[uuid.UUID]bool       // offers whose clicks are counted
	version     uuid.UUID                // of what follows, and of overrides; uuid.Nil when that is not known
	listeners   map[uuid.UUID][]listener // by affiliate
	capped      map[uuid.UUID]bool       // offers whose conversions may be counted
}

// Link is a tracking link with everything that becomes of its visitors.
type Link struct {
	ID         uuid.UUID
	Code       string
	Terms      *proofback.Terms   // in force
	Landing    *proofback.Landing // of those terms
	Affiliate  *proofback.Affiliate
	Advertiser *proofback.Advertiser
	Access     proofback.AccessStatus // "" when the affiliate never asked
	Archived   bool
}

// Judge says what becomes of a visitor who follows the link.
func (l *Link) Judge(country string, device proofback.Device) proofback.ClickOutcome {
	if l.Archived {
		return proofback.ClickLinkArchived
	}
	return proofback.JudgeClick(l.Terms, l.Affiliate.Status, l.Advertiser.Status, l.Access, country, device)
}

// run is an affiliate's running of an offer.
type run struct{ affiliate, offer uuid.UUID }

// Link gives the link of a code.
func (n *Snapshot) Link(code string) (*Link, bool) {
	l, ok := n.links[code]
	return l, ok
}

// Advertiser gives an advertiser by id.
func (n *Snapshot) Advertiser(id uuid.UUID) (*proofback.Advertiser, bool) {
	a, ok := n.advertisers[id]
	return a, ok
}

// AdvertiserByKey gives the advertiser whose own endpoint ends in key.
func (n *Snapshot) AdvertiserByKey(key string) (*proofback.Advertiser, bool) {
	a, ok := n.keys[key]
	return a, ok
}

// Terms gives terms that are in force by their id. Those that were are for
// Setup.TermsByID.
func (n *Snapshot) Terms(id uuid.UUID) (*proofback.Terms, bool) {
	t, ok := n.terms[id]
	return t, ok
}

// Overrides gives an affiliate's own prices for the goals of an offer, in no
// particular order.
func (n *Snapshot) Overrides(affiliate, offer uuid.UUID) []proofback.PayoutOverride {
	return n.overrides[run{affiliate, offer}]
}

// read reads the whole set-up at one moment. What the current one holds and
// never changes is not read again.
func (u *Setup) read(ctx context.Context, tx *tx) (*Snapshot, error) {
	n := &Snapshot{}
	if err := n.loadAdvertisers(ctx, tx, u.store.sealer, u.store.log); err != nil {
		return nil, err
	}
	if err := n.loadOverrides(ctx, tx); err != nil {
		return nil, err
	}
	if err := n.loadListeners(ctx, tx); err != nil {
		return nil, err
	}
	var offers []offerRow
	if err := tx.NewSelect().Model(&offers).Column("id", "terms_id").Scan(ctx); err != nil {
		return nil, err
	}
	inForce := make([]uuid.UUID, len(offers))
	for i, o := range offers {
		inForce[i] = o.TermsID
	}
	var err error
	if n.terms, err = u.terms.load(ctx, tx, inForce, u.Snapshot()); err != nil {
		return nil, err
	}
	if err := n.loadCounted(ctx, tx); err != nil {
		return nil, err
	}
	u.readLandings(ctx, n)
	byOffer := make(map[uuid.UUID]*proofback.Terms, len(offers))
	for _, o := range offers {
		byOffer[o.ID] = n.terms[o.TermsID]
	}
	return n, n.loadLinks(ctx, tx, byOffer)
}

// readLandings reads the landing URLs of the terms in n. One that cannot be read
// was refused when it was made; if it is there all the same, its links are unknown
// and nobody else's suffer.
func (u *Setup) readLandings(ctx context.Context, n *Snapshot) {
	n.landings = make(map[uuid.UUID]*proofback.Landing, len(n.terms))
	for id, t := range n.terms {
		l, ok := u.Snapshot().landings[id]
		if !ok {
			var err error
			if l, err = proofback.NewLanding(t); err != nil {
				u.store.log.LogAttrs(ctx, slog.LevelError, "an offer's URL cannot be read; its links do not work",
					slog.String("offer_id", t.OfferID.String()), slog.Any("error", err))
			}
		}
		n.landings[id] = l
	}
}

func (n *Snapshot) loadAdvertisers(ctx context.Context, tx *tx, sealer *Sealer, log *slog.Logger) error {
	var rows []advertiserRow
	if err := tx.NewSelect().Model(&rows).Scan(ctx); err != nil {
		return err
	}
	n.secrets = make(map[uuid.UUID][]secret)
	n.advertisers = make(map[uuid.UUID]*proofback.Advertiser, len(rows))
	n.keys = make(map[string]*proofback.Advertiser, len(rows))
	for i := range rows {
		a, err := rows[i].value()
		if err != nil {
			return err
		}
		n.advertisers[a.ID], n.keys[a.PostbackKey] = a, a
		if a.Security != proofback.SecurityNone {
			n.secrets[a.ID] = rows[i].secrets(sealer, log)
		}
	}
	return nil
}

func (n *Snapshot) loadOverrides(ctx context.Context, tx *tx) error {
	var rows []overrideRow
	if err := tx.NewSelect().Model(&rows).ExcludeColumn("created_by").Scan(ctx); err != nil {
		return err
	}
	n.overrides = make(map[run][]proofback.PayoutOverride, len(rows))
	for i := range rows {
		key := run{rows[i].AffiliateID, rows[i].OfferID}
		n.overrides[key] = append(n.overrides[key], rows[i].value())
	}
	return nil
}

// loadListeners reads which destinations are told, and the version of the set-up.
func (n *Snapshot) loadListeners(ctx context.Context, tx *tx) error {
	n.listeners = map[uuid.UUID][]listener{}
	return tx.asPgx(func(pg pgx.Tx) error {
		if err := pg.QueryRow(ctx, `SELECT (SELECT version FROM setup_version WHERE one)`).Scan(&n.version); err != nil {
			return err
		}
		rows, err := pg.Query(ctx, listenersWhere)
		if err != nil {
			return err
		}
		defer rows.Close()
		return scanListeners(rows, n.listeners)
	})
}

// loadCounted reads which offers' clicks are counted, and which ones' conversions.
func (n *Snapshot) loadCounted(ctx context.Context, tx *tx) (err error) {
	if n.counted, err = offersWith(ctx, tx, countsClicks); err != nil {
		return err
	}
	n.capped, err = offersWith(ctx, tx, countsConversions)
	return err
}

// offersWith gives the offers that have, or once had, terms of which a condition holds.
func offersWith(ctx context.Context, tx *tx, condition string) (map[uuid.UUID]bool, error) {
	var offers []uuid.UUID
	err := tx.NewSelect().Table("terms").ColumnExpr("DISTINCT offer_id").Where(condition).Scan(ctx, &offers)
	having := make(map[uuid.UUID]bool, len(offers))
	for _, id := range offers {
		having[id] = true
	}
	return having, err
}

// loadLinks reads the links with what only they need: affiliates and access.
func (n *Snapshot) loadLinks(ctx context.Context, tx *tx, byOffer map[uuid.UUID]*proofback.Terms) error {
	var affiliates []affiliateRow
	if err := tx.NewSelect().Model(&affiliates).Scan(ctx); err != nil {
		return err
	}
	byAffiliate := make(map[uuid.UUID]*proofback.Affiliate, len(affiliates))
	for i := range affiliates {
		byAffiliate[affiliates[i].ID] = affiliates[i].value()
	}

	var accesses []accessRow
	if err := tx.NewSelect().Model(&accesses).Column("offer_id", "affiliate_id", "status").Scan(ctx); err != nil {
		return err
	}
	access := make(map[run]proofback.AccessStatus, len(accesses))
	for _, a := range accesses {
		access[run{a.AffiliateID, a.OfferID}] = a.Status
	}

	var links []linkRow
	if err := tx.NewSelect().Model(&links).Column("id", "code", "offer_id", "affiliate_id", "archived_at").Scan(ctx); err != nil {
		return err
	}
	n.links = make(map[string]*Link, len(links))
	for _, l := range links {
		terms := byOffer[l.OfferID]
		if terms == nil || n.landings[terms.ID] == nil {
			continue // nothing can be judged, and nobody sent on
		}
		n.links[l.Code] = &Link{
			ID:         l.ID,
			Code:       l.Code,
			Terms:      terms,
			Landing:    n.landings[terms.ID],
			Affiliate:  byAffiliate[l.AffiliateID],
			Advertiser: n.advertisers[terms.AdvertiserID],
			Access:     access[run{l.AffiliateID, l.OfferID}],
			Archived:   !l.ArchivedAt.IsZero(),
		}
	}
	return nil
}
