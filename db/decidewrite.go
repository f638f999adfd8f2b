package db

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// write stores what a batch came to.
func (b *decideBatch) write(ctx context.Context, tx pgx.Tx, log []proofback.Postback) error {
	var made, moved []*proofback.Conversion
	var transitions []proofback.Transition
	var entries []proofback.Entry
	for i := range b.items {
		d := b.items[i].decision
		if d.Made != nil {
			made = append(made, d.Made)
			if !d.Made.Test {
				entries = append(entries, d.Made.Entry(newID()))
			}
		}
		if d.Moved != nil {
			if d.Moved.From != "" && !slices.Contains(made, b.known.byID[d.ConversionID]) {
				moved = append(moved, b.known.byID[d.ConversionID])
			}
			transitions = append(transitions, *d.Moved)
			if !b.known.byID[d.ConversionID].Test {
				entries = append(entries, d.Moved.Entry(newID()))
			}
		}
	}
	var q pgx.Batch
	queueConversions(&q, made)
	queueMoves(&q, moved, transitions)
	queueTransitions(&q, transitions)
	queueLedger(&q, entries)
	b.known.caps.queue(&q)
	b.known.nonces.queue(&q)
	if err := queuePostbacks(&q, log); err != nil {
		return err
	}
	if err := b.queueDeferred(&q, made); err != nil {
		return err
	}
	if err := tx.SendBatch(ctx, &q).Close(); err != nil {
		return err
	}
	if err := b.enqueueLooks(ctx, tx); err != nil {
		return err
	}
	return b.store.announce(ctx, tx, b.announcements(transitions))
}

// announcements are what affiliates may have asked to be told of transitions.
func (b *decideBatch) announcements(transitions []proofback.Transition) []Announcement {
	list := make([]Announcement, 0, len(transitions))
	for _, t := range transitions {
		c := b.known.byID[t.ConversionID]
		if c.Test {
			continue
		}
		list = append(list, Announcement{
			TransitionID: t.ID,
			ConversionID: c.ID,
			ClickID:      c.ClickID,
			AffiliateID:  c.AffiliateID,
			OfferID:      c.OfferID,
			EventType:    c.EventType,
			Status:       t.To,
		})
	}
	return list
}

// queueConversions inserts in the order of their keys, so that two batches that
// meet on several keys wait for each other and do not deadlock.
func queueConversions(q *pgx.Batch, made []*proofback.Conversion) {
	if len(made) == 0 {
		return
	}
	slices.SortFunc(made, func(a, b *proofback.Conversion) int {
		return cmp.Or(
			bytes.Compare(a.AdvertiserID[:], b.AdvertiserID[:]),
			cmp.Compare(a.TxID, b.TxID),
			bytes.Compare(a.ClickID[:], b.ClickID[:]),
			bytes.Compare(a.GoalID[:], b.GoalID[:]))
	})
	type c = *proofback.Conversion
	q.Queue(`
		INSERT INTO conversions (
			id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id,
			event_type, txid, status, began, reason, event_at, received_at, click_at,
			amount, amount_currency, payout, payout_currency, revenue, revenue_currency,
			normal_payout, normal_revenue, normal_currency, rate_date, rate_source,
			subs, claims, test, amount_is_revenue)
		SELECT
			id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id,
			event_type, txid, status, began, reason, event_at, received_at, click_at,
			amount::numeric, amount_currency, payout::numeric, payout_currency, revenue::numeric, revenue_currency,
			normal_payout::numeric, normal_revenue::numeric, normal_currency, rate_date::date, rate_source,
			subs::jsonb,
			CASE WHEN claims_from IS NOT NULL THEN tstzrange(claims_from, claims_to, '[)') END,
			test, amount_is_revenue
		FROM unnest(
			$1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
			$9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[],
			$17::text[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[],
			$23::text[], $24::text[], $25::text[], $26::timestamptz[], $27::text[],
			$28::text[], $29::timestamptz[], $30::timestamptz[], $31::boolean[], $32::boolean[]
		) AS u (
			id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id,
			event_type, txid, status, began, reason, event_at, received_at, click_at,
			amount, amount_currency, payout, payout_currency, revenue, revenue_currency,
			normal_payout, normal_revenue, normal_currency, rate_date, rate_source,
			subs, claims_from, claims_to, test, amount_is_revenue)`,
		column(made, func(c c) uuid.UUID { return c.ID }),
		column(made, func(c c) uuid.UUID { return c.AdvertiserID }),
		column(made, func(c c) uuid.UUID { return c.OfferID }),
		column(made, func(c c) uuid.UUID { return c.GoalID }),
		column(made, func(c c) uuid.UUID { return c.AffiliateID }),
		column(made, func(c c) uuid.UUID { return c.ClickID }),
		column(made, func(c c) uuid.UUID { return c.TermsID }),
		column(made, func(c c) uuid.UUID { return c.PostbackID }),
		column(made, func(c c) string { return c.EventType }),
		column(made, func(c c) *string { return orNull(c.TxID) }),
		column(made, func(c c) string { return string(c.Status) }),
		column(made, func(c c) string { return string(c.Began) }),
		column(made, func(c c) string { return c.Reason }),
		column(made, func(c c) time.Time { return c.EventAt }),
		column(made, func(c c) time.Time { return c.ReceivedAt }),
		column(made, func(c c) time.Time { return c.ClickAt }),
		column(made, func(c c) *string { return orNull(string(c.Amount.Amount)) }),
		column(made, func(c c) *string { return orNull(c.Amount.Currency) }),
		column(made, func(c c) *string { return orNull(string(c.Payout.Amount)) }),
		column(made, func(c c) *string { return orNull(c.Payout.Currency) }),
		column(made, func(c c) *string { return orNull(string(c.Revenue.Amount)) }),
		column(made, func(c c) *string { return orNull(c.Revenue.Currency) }),
		column(made, func(c c) *string { return orNull(string(c.Normalized.Payout.Amount)) }),
		column(made, func(c c) *string { return orNull(string(c.Normalized.Revenue.Amount)) }),
		column(made, func(c c) *string { return orNull(c.Normalized.Payout.Currency) }),
		column(made, func(c c) *time.Time { return timeOrNull(c.Normalized.RateDate) }),
		column(made, func(c c) *string { return orNull(c.Normalized.RateSource) }),
		column(made, func(c c) *string { return subsJSON(c.Subs) }),
		column(made, func(c c) *time.Time { return timeOrNull(c.Claims.From) }),
		column(made, func(c c) *time.Time { return timeOrNull(c.Claims.To) }),
		column(made, func(c c) bool { return c.Test }),
		column(made, func(c c) bool { return c.AmountIsRevenue }),
	)
}

// queueMoves brings stored conversions to their new status, and fails when one
// is no longer where the decision saw it.
func queueMoves(q *pgx.Batch, moved []*proofback.Conversion, transitions []proofback.Transition) {
	if len(moved) == 0 {
		return
	}
	from := make(map[uuid.UUID]proofback.Status, len(transitions))
	for _, t := range transitions {
		if _, ok := from[t.ConversionID]; !ok {
			from[t.ConversionID] = t.From
		}
	}
	type c = *proofback.Conversion
	q.Queue(`
		UPDATE conversions AS c
		SET status = u.status, reason = u.reason
		FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) AS u (id, advertiser_id, was, status, reason)
		WHERE c.id = u.id
		AND c.advertiser_id = u.advertiser_id
		AND c.status = u.was`,
		column(moved, func(c c) uuid.UUID { return c.ID }),
		column(moved, func(c c) uuid.UUID { return c.AdvertiserID }),
		column(moved, func(c c) string { return string(from[c.ID]) }),
		column(moved, func(c c) string { return string(c.Status) }),
		column(moved, func(c c) string { return c.Reason }),
	).Query(func(rows pgx.Rows) error {
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if rows.CommandTag().RowsAffected() != int64(len(moved)) {
			return errMovedMeanwhile
		}
		return nil
	})
}

func queueTransitions(q *pgx.Batch, list []proofback.Transition) {
	if len(list) == 0 {
		return
	}
	type t = proofback.Transition
	q.Queue(`
		INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, from_status, to_status, at, by_kind, by_user, reason, postback_id)
		SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[], $8::text[], $9::uuid[], $10::text[], $11::uuid[])`,
		column(list, func(t t) uuid.UUID { return t.ID }),
		column(list, func(t t) uuid.UUID { return t.ConversionID }),
		column(list, func(t t) uuid.UUID { return t.AdvertiserID }),
		column(list, func(t t) uuid.UUID { return t.AffiliateID }),
		column(list, func(t t) *string { return orNull(string(t.From)) }),
		column(list, func(t t) string { return string(t.To) }),
		column(list, func(t t) time.Time { return t.At }),
		column(list, func(t t) string { return string(t.ByKind) }),
		column(list, func(t t) *uuid.UUID { return idOrNull(t.ByUser) }),
		column(list, func(t t) string { return t.Reason }),
		column(list, func(t t) *uuid.UUID { return idOrNull(t.PostbackID) }),
	)
}

func queueLedger(q *pgx.Batch, list []proofback.Entry) {
	if len(list) == 0 {
		return
	}
	type e = proofback.Entry
	q.Queue(`
		INSERT INTO ledger (id, kind, subject, at, canonical)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::bytea[])`,
		column(list, func(e e) uuid.UUID { return e.ID }),
		column(list, func(e e) string { return string(e.Kind) }),
		column(list, func(e e) uuid.UUID { return e.Subject }),
		column(list, func(e e) time.Time { return e.At }),
		column(list, func(e e) []byte { return e.Canonical }),
	)
}

func queuePostbacks(q *pgx.Batch, log []proofback.Postback) error {
	parameters, checks := make([]string, len(log)), make([]string, len(log))
	for i, p := range log {
		for _, part := range []struct {
			into *string
			from any
		}{{&parameters[i], p.Parameters}, {&checks[i], p.Checks}} {
			b, err := json.Marshal(part.from)
			if err != nil {
				return fmt.Errorf("encode a postback for the log: %w", err)
			}
			*part.into = string(b)
		}
	}
	type p = proofback.Postback
	q.Queue(`
		INSERT INTO postbacks (
			id, received_at, method, url, remote_ip, parameters,
			advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,
			result, reason, message, checks, response_status, response_body, duration,
			conversion_id, replay_of)
		SELECT
			id, received_at, method, url, remote_ip, coalesce(nullif(parameters, 'null'), '[]')::jsonb,
			advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,
			result, reason, message, coalesce(nullif(checks, 'null'), '[]')::jsonb, response_status, response_body, duration * interval '1 microsecond',
			conversion_id, replay_of
		FROM unnest(
			$1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
			$7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::text[], $12::text[],
			$13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::text[], $19::bigint[],
			$20::uuid[], $21::uuid[]
		) AS u (
			id, received_at, method, url, remote_ip, parameters,
			advertiser_id, offer_id, affiliate_id, click_id, txid, event_type,
			result, reason, message, checks, response_status, response_body, duration,
			conversion_id, replay_of)`,
		column(log, func(p p) uuid.UUID { return p.ID }),
		column(log, func(p p) time.Time { return p.ReceivedAt }),
		column(log, func(p p) string { return p.Method }),
		column(log, func(p p) string { return p.URL }),
		column(log, func(p p) string { return p.RemoteIP }),
		parameters,
		column(log, func(p p) *uuid.UUID { return idOrNull(p.AdvertiserID) }),
		column(log, func(p p) *uuid.UUID { return idOrNull(p.OfferID) }),
		column(log, func(p p) *uuid.UUID { return idOrNull(p.AffiliateID) }),
		column(log, func(p p) *uuid.UUID { return idOrNull(p.ClickID) }),
		column(log, func(p p) *string { return orNull(p.TxID) }),
		column(log, func(p p) *string { return orNull(p.EventType) }),
		column(log, func(p p) string { return string(p.Result) }),
		column(log, func(p p) string { return string(p.Reason) }),
		column(log, func(p p) string { return p.Message }),
		checks,
		column(log, func(p p) int32 { return int32(p.ResponseStatus) }),
		column(log, func(p p) string { return p.ResponseBody }),
		column(log, func(p p) int64 { return p.Duration.Microseconds() }),
		column(log, func(p p) *uuid.UUID { return idOrNull(p.ConversionID) }),
		column(log, func(p p) *uuid.UUID { return idOrNull(p.ReplayOf) }),
	)
	return nil
}
