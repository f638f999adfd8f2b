package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// newList is an upload of a list; nobody is asked to compare it.
func newList(advertiser uuid.UUID, list io.Reader) db.NewReconciliation {
	return db.NewReconciliation{
		AdvertiserID: advertiser, Range: listPeriod, Source: proofback.SourceUpload,
		Read: func(a *proofback.Advertiser) (*proofback.ListReader, error) {
			return proofback.NewListReader(list, proofback.ListOptions{Format: proofback.ListCSV, Advertiser: a})
		},
		Enqueue: func(context.Context, pgx.Tx, uuid.UUID) error { return nil },
	}
}

// makeListed makes the advertiser whose list is compared, and its offer.
func (b *bed) makeListed(ctx context.Context) (advertiser, offer uuid.UUID, err error) {
	a, _, err := b.store.CreateAdvertiser(ctx, proofback.System(), proofback.Advertiser{Name: "Listed", TimeZone: "UTC"})
	if err != nil {
		return advertiser, offer, err
	}
	o, err := b.store.CreateOffer(ctx, proofback.System(), a.ID, terms("Listed offer"))
	if err != nil {
		return advertiser, offer, err
	}
	return a.ID, o.ID, nil
}

// listedConversions makes the conversions with numbers from $3 to $4, of the offer $2:
// each has its number in its transaction id, its amount (a cent more than its number) and
// its day. One in fifty is rejected. Of one in twenty-five that is only in their list, the
// log has a postback that was refused.
const listedConversions = `
	WITH numbered AS (
		SELECT i, '2026-03-01 12:00Z'::timestamptz + (i % 31) * interval '1 day' AS at
		FROM generate_series($3::integer, $4::integer) AS i
	),
	refused AS (
		INSERT INTO postbacks (id, received_at, method, url, remote_ip, parameters, advertiser_id, txid, result, reason, message, checks, response_status, response_body, duration)
		SELECT uuid_v7(at), at, 'GET', '', '', '[]', $1, 'XT' || i, 'rejected', 'UNKNOWN_EVENT', 'the offer has no such goal', '[]', 200, '', '1 ms'
		FROM numbered
		WHERE i % 25 = 7
	)
	INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid,
		status, began, event_at, received_at, click_at, amount, amount_currency, payout, payout_currency, revenue, revenue_currency,
		normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
	SELECT uuid_v7(at), $1, $2, g.id, gen_random_uuid(), uuid_v7(at), o.terms_id, uuid_v7(at), 'sale', 'T' || i,
		CASE WHEN i % 50 = 49 THEN 'REJECTED' ELSE 'APPROVED' END, 'APPROVED', at, at, at, (i + 1) / 100.0, 'EUR', 1, 'EUR', 2, 'EUR', 1, 2, 'EUR', at::date, 'BENCH'
	FROM numbered
	JOIN offers AS o ON o.id = $2
	JOIN goals AS g ON g.offer_id = o.id`

// listWriter writes a list over the conversions, with a difference to one of each
// twenty-five, of each kind in turn.
type listWriter struct {
	*bufio.Writer
	want map[proofback.DifferenceKind]int64
}

func (w *listWriter) tell(kind proofback.DifferenceKind, txid string, at time.Time, cents int, currency, state string) {
	w.want[kind]++
	_, _ = fmt.Fprintf(w, "%s;%s;%d,%02d;%s;%s\n", txid, at.Format("02.01.2006 15:04"), cents/100, cents%100, currency, state) // Flush tells
}

func (w *listWriter) write(count int) {
	_, _ = w.WriteString("Order ID;Date;Sale amount;Currency;State\n")
	for i := range count {
		txid, at, cents, state := fmt.Sprint("T", i), listPeriod.From.AddDate(0, 0, i%31).Add(12*time.Hour), i+1, "approved"
		if i%50 == 49 {
			state = "rejected"
		}
		switch i % 25 {
		case 1:
			w.tell(proofback.KindAmountDiffers, txid, at, cents+7, "EUR", state)
		case 2:
			w.tell(proofback.KindCurrencyDiffers, txid, at, cents, "USD", state)
		case 3:
			w.tell(proofback.KindStatusDiffers, txid, at, cents, "EUR", "pending")
		case 4:
			w.want[proofback.KindMissingThere]++
		case 5:
			w.tell(proofback.KindMatched, txid, at, cents, "EUR", state)
			w.tell(proofback.KindDuplicateThere, txid, at, cents, "EUR", state)
		case 6:
			w.tell(proofback.KindTimeShifted, txid, at.Add(13*time.Hour), cents, "EUR", state)
		case 7:
			w.tell(proofback.KindMatched, txid, at, cents, "EUR", state)
			w.tell(proofback.KindMissingHere, "X"+txid, at, cents, "EUR", state)
		case 8:
			w.tell(proofback.KindMatched, txid, at, cents, "EUR", state)
			w.tell(proofback.KindOutsidePeriod, "Y"+txid, at.AddDate(0, 2, 0), cents, "EUR", state)
		default:
			w.tell(proofback.KindMatched, txid, at, cents, "EUR", state)
		}
	}
}
