package db

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// pagedConversionColumns are a conversion's, in the order of scanConversions.
const pagedConversionColumns = `c.id, c.advertiser_id, c.offer_id, c.goal_id, c.affiliate_id, c.click_id, c.terms_id, c.postback_id,
	c.event_type, coalesce(c.txid, ''), c.status, c.began, c.reason, c.event_at, c.received_at, c.click_at,
	coalesce(c.amount::text, ''), coalesce(c.amount_currency, ''), c.amount_is_revenue,
	coalesce(c.payout::text, ''), coalesce(c.payout_currency, ''), coalesce(c.revenue::text, ''), coalesce(c.revenue_currency, ''),
	coalesce(c.normal_payout::text, ''), coalesce(c.normal_revenue::text, ''), coalesce(c.normal_currency, ''), c.rate_date, coalesce(c.rate_source, ''),
	coalesce(c.subs::text, ''), c.test, coalesce(c.settled_status, ''), lower(c.claims), upper(c.claims)`

// scanConversions reads rows of pagedConversionColumns.
func scanConversions(take func(*conversionRow)) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			var (
				r                  conversionRow
				rateDate, from, to *time.Time
				subs               string
			)
			err := rows.Scan(&r.ID, &r.AdvertiserID, &r.OfferID, &r.GoalID, &r.AffiliateID, &r.ClickID, &r.TermsID, &r.PostbackID,
				&r.EventType, &r.TxID, &r.Status, &r.Began, &r.Reason, &r.EventAt, &r.ReceivedAt, &r.ClickAt,
				&r.Amount, &r.AmountCurrency, &r.AmountIsRevenue,
				&r.Payout, &r.PayoutCurrency, &r.Revenue, &r.RevenueCurrency,
				&r.NormalPayout, &r.NormalRevenue, &r.NormalCurrency, &rateDate, &r.RateSource,
				&subs, &r.Test, &r.SettledStatus, &from, &to)
			if err != nil {
				return err
			}
			for at, v := range map[*time.Time]*time.Time{&r.RateDate: rateDate, &r.ClaimsFrom: from, &r.ClaimsTo: to} {
				if v != nil {
					*at = *v
				}
			}
			if subs != "" {
				if err := json.Unmarshal([]byte(subs), &r.Subs); err != nil {
					return err
				}
			}
			take(&r)
		}
		return rows.Err()
	}
}

// plainConversions is the page that everybody opens first, and those before and behind
// it: of all that the actor may see. nil where a filter narrows them, since which index is
// best depends on what it says.
func plainConversions(a proofback.Actor, f proofback.ConversionFilter, o proofback.ConversionOrder, p proofback.Page, take func(*conversionRow)) *pageQuery {
	plain := f.TimeRange == (proofback.TimeRange{}) && f.OfferID == uuid.Nil && f.AffiliateID == uuid.Nil && f.AdvertiserID == uuid.Nil &&
		f.EventType == "" && len(f.Statuses) == 0 && f.TransactionID == "" && f.ClickID == uuid.Nil && !f.Tests
	if !plain {
		return nil
	}
	var values parameters
	where := []string{"NOT c.test", values.own(a, "c")}
	after, before := "<", ">"
	if o.OldestFirst {
		after, before = before, after
	}
	if c := p.After; c != nil {
		where = append(where, fmt.Sprintf("(%%[1]s, c.id) %s (%s, %s)", after, values.add(c.At), values.add(c.ID)))
	}
	if c := p.Before; c != nil {
		where = append(where, fmt.Sprintf("(%%[1]s, c.id) %s (%s, %s)", before, values.add(c.At), values.add(c.ID)))
	}
	ascending := o.OldestFirst != p.Backward
	ordered := "ORDER BY %[1]s DESC, c.id DESC"
	if ascending {
		ordered = "ORDER BY %[1]s, c.id"
	}
	ordered += fmt.Sprintf("\nLIMIT %d", p.Limit+1)
	walk := func(columns, at string, more ...string) string {
		return "SELECT " + columns + "\nFROM conversions AS c\nWHERE " +
			fmt.Sprintf(strings.Join(append(more, where...), "\nAND ")+"\n"+ordered, at)
	}
	if o.By != proofback.ByReceivedAt {
		return &pageQuery{sql: walk(pagedConversionColumns, "c.event_at"), args: values, read: scanConversions(take)}
	}
	return &pageQuery{
		sql: "SELECT " + pagedConversionColumns + "\nFROM " + fmt.Sprintf(byReceipt,
			walk("c.*", "c.received_at", fmt.Sprintf(receivedApart, "c")),
			walk("c.*", "c.event_at", fmt.Sprintf(walkAtOnce, "c"), notBeyond("c", p.Limit, ascending))) +
			" AS c\n" + fmt.Sprintf(ordered, "c.received_at"),
		args: values,
		read: scanConversions(take),
	}
}

// conversionsByID finds conversions by id.
func conversionsByID(a proofback.Actor, ids []uuid.UUID, take func(*conversionRow)) pageQuery {
	values := parameters{ids}
	return pageQuery{
		sql: `
			SELECT ` + pagedConversionColumns + `
			FROM conversions AS c
			WHERE c.id = ANY ($1)
			AND ` + values.own(a, "c"),
		args: values,
		read: scanConversions(take),
	}
}
