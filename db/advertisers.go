package db

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// CreateAdvertiser takes on an advertiser and gives its secret, which is not to
// be had again. Left out: the network's currency, UTC, no security.
func (s *Store) CreateAdvertiser(ctx context.Context, actor proofback.Actor, a proofback.Advertiser) (*proofback.Advertiser, string, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, "", err
	}
	a.ID, a.CreatedAt, a.Status = newID(), s.clock(), proofback.PartnerActive
	a.PostbackKey = strings.ToLower(rand.Text())
	if a.Currency == "" {
		a.Currency = s.currency
	}
	if a.TimeZone == "" {
		a.TimeZone = "UTC"
	}
	if a.Security == "" {
		a.Security = proofback.SecurityNone
	}
	if err := checkAdvertiser(&a); err != nil {
		return nil, "", err
	}
	secret := NewSecret()
	row := newAdvertiserRow(&a)
	row.Secret = s.sealer.Seal(secret, a.ID)
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		tx.changed(proofback.KindAdvertiser, a.ID, nil, row)
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return &a, secret, nil
}

// UpdateAdvertiser lets change alter an advertiser as it stands.
func (s *Store) UpdateAdvertiser(ctx context.Context, actor proofback.Actor, id uuid.UUID, change func(*proofback.Advertiser)) (*proofback.Advertiser, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, err
	}
	var a *proofback.Advertiser
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.lockAdvertiser(ctx, id)
		if err != nil {
			return err
		}
		if a, err = row.value(); err != nil {
			return err
		}
		before := newAdvertiserRow(a)
		change(a)
		if err := checkAdvertiser(a); err != nil {
			return err
		}
		after := newAdvertiserRow(a)
		tx.changed(proofback.KindAdvertiser, id, before, after)
		_, err = tx.NewUpdate().
			Model(after).
			ExcludeColumn("id", "postback_key", "secret", "old_secret", "old_secret_until", "created_at").
			Where("id = ?", id).
			Exec(ctx)
		if err != nil || before.TimeZone == after.TimeZone {
			return err
		}
		return tx.recountPassedBy(ctx, id, before.TimeZone)
	})
	return a, err
}

// RotateAdvertiserSecret gives an advertiser a new secret; the old one goes on
// being accepted for keepOld.
func (s *Store) RotateAdvertiserSecret(ctx context.Context, actor proofback.Actor, id uuid.UUID, keepOld time.Duration) (*proofback.Advertiser, string, error) {
	if err := actor.RequireStaff(); err != nil {
		return nil, "", err
	}
	if err := checkKeepOld(keepOld); err != nil {
		return nil, "", err
	}
	var a *proofback.Advertiser
	var secret string
	err := s.tx(ctx, actor, func(ctx context.Context, tx *tx) error {
		row, err := tx.lockAdvertiser(ctx, id)
		if err != nil {
			return err
		}
		secret, err = rotateIn(ctx, s, tx, proofback.KindAdvertiser, row, func(r *advertiserRow) rotated {
			return rotated{id, &r.Secret, &r.OldSecret, &r.OldSecretUntil}
		}, keepOld)
		if err == nil {
			a, err = row.value()
		}
		return err
	})
	return a, secret, err
}

// Advertisers lists advertisers, newest first: all to staff, itself to an
// advertiser, none to affiliates.
func (s *Store) Advertisers(ctx context.Context, actor proofback.Actor, f proofback.PartnerFilter, p proofback.Page) (proofback.Window[*proofback.Advertiser], error) {
	var w proofback.Window[*proofback.Advertiser]
	if err := actor.RequireSignedIn(); err != nil {
		return w, err
	}
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []advertiserRow
		q := selectAdvertisers(tx, &rows)
		if !actor.IsStaff() {
			q.Where("advertiser.id = ?", actor.AdvertiserID)
		}
		if err := pageByID(partnersLike(q, f), "advertiser.id", p).Scan(ctx); err != nil {
			return err
		}
		var err error
		w = window(p, rows, func(r *advertiserRow) *proofback.Advertiser {
			a, e := r.value()
			if e != nil {
				err = e
			}
			return a
		})
		return err
	})
	return w, err
}

// AdvertisersByID gives those of ids that the actor may see: all to staff,
// itself to an advertiser, and to an affiliate the public side of those whose
// offers it can see.
func (s *Store) AdvertisersByID(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) (map[uuid.UUID]*proofback.Advertiser, error) {
	if err := actor.RequireSignedIn(); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*proofback.Advertiser, len(ids))
	err := s.readTx(ctx, actor, func(ctx context.Context, tx *tx) error {
		var rows []advertiserRow
		q := selectAdvertisers(tx, &rows).Where("advertiser.id IN (?)", bun.List(ids))
		switch {
		case actor.Role == proofback.RoleAffiliate:
			offers := visibleOffers(tx.NewSelect().TableExpr("offers AS offer").ColumnExpr("1"), actor, evenByLink).
				Where("offer.advertiser_id = advertiser.id")
			q.Where("EXISTS (?)", offers)
		case !actor.IsStaff():
			q.Where("advertiser.id = ?", actor.AdvertiserID)
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		for i := range rows {
			a, err := rows[i].value()
			if err != nil {
				return err
			}
			if actor.Role == proofback.RoleAffiliate {
				*a = a.Public()
			}
			found[a.ID] = a
		}
		return nil
	})
	return found, err
}

// selectAdvertisers begins a query for advertisers: for an affiliate, of the columns
// of their public side, which are all that it may read.
func selectAdvertisers(tx *tx, rows *[]advertiserRow) *bun.SelectQuery {
	q := tx.NewSelect().Model(rows)
	if tx.actor.Role == proofback.RoleAffiliate {
		q.Column("id", "name", "status", "currency", "time_zone", "created_at")
	}
	return q
}

// lockAdvertiser fetches an advertiser that is going to be changed.
func (t *tx) lockAdvertiser(ctx context.Context, id uuid.UUID) (*advertiserRow, error) {
	row := &advertiserRow{}
	err := t.NewSelect().Model(row).Where("id = ?", id).For("UPDATE").Scan(ctx)
	return row, missing(err, "advertiser", "id")
}

// partnersLike narrows a list of advertisers or affiliates.
func partnersLike(q *bun.SelectQuery, f proofback.PartnerFilter) *bun.SelectQuery {
	if f.Search != "" {
		q.Where("?TableAlias.name ILIKE ?", contains(f.Search))
	}
	if f.Status != "" {
		q.Where("?TableAlias.status = ?", f.Status)
	}
	return q
}

// checkAdvertiser is Validate and what needs files: whether the zone exists.
func checkAdvertiser(a *proofback.Advertiser) error {
	problems, err := asProblems(a.Validate())
	if err != nil {
		return err
	}
	if _, err := time.LoadLocation(a.TimeZone); err != nil || a.TimeZone == "Local" || a.TimeZone == "" {
		problems.Add([]string{"timeZone"}, "%.40q is not a time zone of the IANA database: send a name such as Europe/Berlin", a.TimeZone)
	}
	return problems.Err()
}

func newAdvertiserRow(a *proofback.Advertiser) *advertiserRow {
	row := &advertiserRow{
		ID:               a.ID,
		Name:             a.Name,
		Status:           a.Status,
		Currency:         a.Currency,
		TimeZone:         a.TimeZone,
		SecurityMode:     a.Security,
		AllowedIPs:       make([]string, len(a.AllowedIPs)),
		ParameterMapping: append([]proofback.NameMapping{}, a.ParameterMapping...),
		StatusMapping:    append([]proofback.StatusMapping{}, a.StatusMapping...),
		AnswerAlways200:  a.AnswerAlways200,
		PostbackKey:      a.PostbackKey,
		CreatedAt:        a.CreatedAt,
	}
	for i, prefix := range a.AllowedIPs {
		row.AllowedIPs[i] = prefix.String()
	}
	return row
}
