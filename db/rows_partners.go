package db

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/proofback/proofback"
)

// advertiserRow is a row of advertisers.
type advertiserRow struct {
	bun.BaseModel `bun:"table:advertisers,alias:advertiser"`

	ID               uuid.UUID                 `bun:"id,pk"`
	Name             string                    `bun:"name"`
	Status           proofback.PartnerStatus   `bun:"status"`
	Currency         string                    `bun:"currency"`
	TimeZone         string                    `bun:"time_zone"`
	SecurityMode     proofback.SecurityMode    `bun:"security_mode"`
	AllowedIPs       []string                  `bun:"allowed_ips,array"`
	ParameterMapping []proofback.NameMapping   `bun:"parameter_mapping,type:jsonb"`
	StatusMapping    []proofback.StatusMapping `bun:"status_mapping,type:jsonb"`
	AnswerAlways200  bool                      `bun:"answer_always_200"`
	PostbackKey      string                    `bun:"postback_key"`
	Secret           []byte                    `bun:"secret"` // sealed
	OldSecret        []byte                    `bun:"old_secret,nullzero"`
	OldSecretUntil   time.Time                 `bun:"old_secret_until,nullzero"`
	CreatedAt        time.Time                 `bun:"created_at"`
}

func (r *advertiserRow) value() (*proofback.Advertiser, error) {
	a := &proofback.Advertiser{
		ID:               r.ID,
		Name:             r.Name,
		Status:           r.Status,
		Currency:         r.Currency,
		TimeZone:         r.TimeZone,
		Security:         r.SecurityMode,
		ParameterMapping: r.ParameterMapping,
		StatusMapping:    r.StatusMapping,
		AnswerAlways200:  r.AnswerAlways200,
		PostbackKey:      r.PostbackKey,
		CreatedAt:        r.CreatedAt.UTC(),
	}
	for _, text := range r.AllowedIPs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("advertiser %s: allowed_ips: %w", r.ID, err)
		}
		a.AllowedIPs = append(a.AllowedIPs, proofback.PlainRange(prefix))
	}
	return a, nil
}

// affiliateRow is a row of affiliates.
type affiliateRow struct {
	bun.BaseModel `bun:"table:affiliates,alias:affiliate"`

	ID        uuid.UUID               `bun:"id,pk"`
	Name      string                  `bun:"name"`
	Status    proofback.PartnerStatus `bun:"status"`
	Currency  string                  `bun:"currency"`
	CreatedAt time.Time               `bun:"created_at"`

	MinimumPayout proofback.Decimal `bun:"minimum_payout,nullzero"`
}

func (r *affiliateRow) value() *proofback.Affiliate {
	return &proofback.Affiliate{
		ID: r.ID, Name: r.Name, Status: r.Status, Currency: r.Currency, CreatedAt: r.CreatedAt.UTC(),
		MinimumPayout: r.MinimumPayout,
	}
}

// secrets opens those that are there. One that does not open is left out, so
// that requests are refused rather than let through.
func (r *advertiserRow) secrets(sealer *Sealer, log *slog.Logger) []secret {
	var list []secret
	for _, sealed := range []struct {
		bytes []byte
		until time.Time
	}{{r.Secret, time.Time{}}, {r.OldSecret, r.OldSecretUntil}} {
		if len(sealed.bytes) == 0 {
			continue
		}
		value, err := sealer.Open(sealed.bytes, r.ID)
		if err != nil {
			log.Error("an advertiser's secret does not open: its postbacks are refused", "advertiser_id", r.ID, "error", err)
			continue
		}
		list = append(list, secret{value, sealed.until})
	}
	return list
}
