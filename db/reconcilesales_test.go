package db_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// salesDesk is a bookkeeping whose advertiser sends lists of its sales in March.
type salesDesk struct {
	*audited
	list strings.Builder
}

func newSalesDesk(t testing.TB) *salesDesk {
	t.Helper()
	s := &salesDesk{audited: newAudited(t)}
	s.now = time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	s.close("2026-02")
	s.list.WriteString("Order ID;Date;Sale amount;Currency;State\n")
	return s
}

// sells makes a conversion, and a line that tells of it with another amount.
func (s *salesDesk) sells(day int, status string, amount, listed proofback.Money) uuid.UUID {
	s.t.Helper()
	at := time.Date(2026, 3, day, 12, 0, 0, 0, time.UTC)
	id := s.sale(at, status, amount)
	fmt.Fprintf(&s.list, "sale-%d;%s;%s;%s;%s\n", s.sales, at.Format("02.01.2006 15:04"), strings.Replace(string(listed.Amount), ".", ",", 1), listed.Currency, status)
	return id
}

func (s *salesDesk) compared() *proofback.Reconciliation {
	s.t.Helper()
	return (&ledgers{desk: s.desk}).compare(s.t, proofback.System(), s.list.String())
}

// kinds counts the items by kind.
func (s *salesDesk) kinds(r *proofback.Reconciliation) map[proofback.DifferenceKind]int64 {
	s.t.Helper()
	list, err := s.store.ReconciliationSummary(s.t.Context(), s.staff, r.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	kinds := map[proofback.DifferenceKind]int64{}
	for _, k := range list {
		kinds[k.Kind] += k.Count
	}
	return kinds
}

func (s *salesDesk) adjustAll(r *proofback.Reconciliation, dryRun bool) *db.Corrected {
	s.t.Helper()
	done, err := s.store.CorrectReconciliation(s.t.Context(), s.staff, s.desk.setup, s.keys, db.Correction{
		Reconciliation: r.ID, Action: proofback.CorrectAdjust, Reason: "as agreed", DryRun: dryRun,
		Kinds: []proofback.DifferenceKind{proofback.KindAmountDiffers, proofback.KindCurrencyDiffers},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// tells what was adjusted, line by line and in sum.
func tells(c *db.Corrected) []string {
	var out []string
	for _, a := range c.Adjusted {
		out = append(out, fmt.Sprintf("%d: %s sale, %s payout, %s revenue %s", a.Number, a.Amount.Amount, a.Payout.Amount, a.Revenue.Amount, a.Revenue.Currency))
	}
	for _, m := range c.Difference(func(a *proofback.Adjustment) proofback.Money { return a.Payout }) {
		out = append(out, fmt.Sprintf("payouts %s %s", m.Amount, m.Currency))
	}
	for _, m := range c.Difference(func(a *proofback.Adjustment) proofback.Money { return a.Revenue }) {
		out = append(out, fmt.Sprintf("revenue %s %s", m.Amount, m.Currency))
	}
	return out
}

// Sales that turned out to be others are adjusted with what follows from them; a dry run
// says the same numbers, the books, the ledger and the checks agree, and the next
// comparison of the list does, too.
func TestSalesAreAdjustedToTheirListOnce(t *testing.T) {
	t.Parallel()
	s := newSalesDesk(t)
	usd := func(amount proofback.Decimal) proofback.Money {
		return proofback.Money{Amount: amount, Currency: "USD"}
	}
	first := s.sells(5, "approved", eur("100"), eur("70"))
	s.sells(6, "pending", usd("40"), usd("55.10"))
	s.sells(7, "rejected", eur("30"), eur("20"))
	s.sells(8, "approved", eur("10"), eur("10"))
	s.sells(9, "approved", eur("10"), usd("10"))
	byHand := s.sells(10, "approved", eur("60"), eur("50"))
	s.correct(byHand, "31", "")
	before := s.months(s.staff)
	s.pass(time.Minute)
	since := s.now
	s.pass(time.Minute)

	r := s.compared()
	dry := s.adjustAll(r, true)
	if n := s.count(t, `SELECT count(*) FROM adjustments WHERE reconciliation_id IS NOT NULL`); n != 0 {
		t.Errorf("a dry run kept %d", n)
	}
	done := s.adjustAll(r, false)
	want := []string{
		"1: -30 sale, -15.00 payout, -30.00 revenue EUR",
		"2: 15.10 sale, 7.55 payout, 15.10 revenue USD",
		"3: -10 sale, -5.00 payout, -10.00 revenue EUR",
		"payouts -20.00 EUR", "payouts 7.55 USD", "revenue -40.00 EUR", "revenue 15.10 USD",
	}
	if diff := cmp.Diff(want, tells(dry)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tells(dry), tells(done)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(dry.Refused, done.Refused); diff != "" || len(done.Refused) != 2 ||
		!strings.HasPrefix(done.Refused[0].Message, "the currencies differ") || !strings.HasPrefix(done.Refused[1].Message, "its payout was adjusted to 31") {
		t.Errorf("%v %s", done.Refused, diff)
	}
	for range 2 {
		again := s.adjustAll(r, false)
		if again.Count != 0 || len(again.Refused) != 5 || !slices.ContainsFunc(again.Refused, func(i db.RefusedItem) bool {
			return strings.HasPrefix(i.Message, "it was adjusted by this item already")
		}) {
			t.Errorf("again: %+v", again)
		}
	}
	// The list agrees now, but for what was refused.
	if got := s.kinds(s.compared()); got[proofback.KindMatched] != 4 || got[proofback.KindAmountDiffers] != 1 || got[proofback.KindCurrencyDiffers] != 1 || len(got) != 3 {
		t.Errorf("%v", got)
	}
	if p := s.post(time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC), "sale-5", "", eur("70")); p.Reason != proofback.ReasonDuplicate {
		t.Errorf("the sale as it was corrected is %s: %s", p.Reason, p.Message)
	}
	if p := s.post(time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC), "sale-5", "", eur("69")); p.Reason != proofback.ReasonTransactionConflict {
		t.Errorf("yet another sale is %s: %s", p.Reason, p.Message)
	}

	after := s.months(s.staff)
	if got, want := after.Totals.Payout.Amount.Sub(before.Totals.Payout.Amount), proofback.Decimal("-15.00"); !got.Equal(want) {
		t.Errorf("reports have %s more, want %s", got, want)
	}
	changes, err := s.store.ReportChanges(t.Context(), s.staff, proofback.ReportChangesInput{
		Since: since, Report: proofback.ReportInput{Range: march, Limit: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(changes.Changes) != 3 || changes.Changes[0].Kind != proofback.ChangeCorrected || changes.Totals.Payout != eur("-15.00") {
		t.Errorf("%+v", changes)
	}
	s.exec(t, `DELETE FROM verifications`)
	s.seal(t)
	if _, found := s.verify(t); len(found) > 0 {
		t.Errorf("%v", found)
	}
	proof, err := s.store.ConversionProof(t.Context(), s.advertiserActor(), first)
	if err != nil {
		t.Fatal(err)
	}
	facts, _, err := proof.Verify(s.sealer.Key.Public)
	if err != nil {
		t.Fatal(err)
	}
	if last := facts[len(facts)-1]; last["kind"] != "adjustment" || last["amount"] != "-30" || last["revenue"] != "-30" || last["payout"] != "" {
		t.Errorf("%v", last)
	}
}

// When the month is closed, a sale is corrected in the open one, and the affiliate's next
// statement has a line of it.
func TestASaleOfAClosedMonthIsAdjustedInTheOpenOne(t *testing.T) {
	t.Parallel()
	s := newSalesDesk(t)
	s.sells(5, "approved", eur("100"), eur("70"))
	s.now = time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
	s.close("2026-03")
	march := booked(s.months(s.staff))["2026-03"]
	done := s.adjustAll(s.compared(), false)
	if done.Count != 1 || !done.Adjusted[0].Settled || proofback.MonthName(done.Adjusted[0].BookedAt) != "2026-04" {
		t.Fatalf("%+v", done)
	}
	if got := booked(s.months(s.staff))["2026-03"]; got != march {
		t.Errorf("March was %s and is %s", march, got)
	}
	if got := s.kinds(s.compared()); got[proofback.KindMatched] != 1 || len(got) != 1 {
		t.Errorf("%v", got)
	}
	s.now = time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	s.close("2026-04")
	all := s.state()
	if got := s.said(all[len(all)-1]); !slices.ContainsFunc(got, func(l string) bool {
		return strings.HasPrefix(l, "1 CORRECTION sale-5: -15.00 EUR, -15.00 (reconciliation ")
	}) {
		t.Errorf("%q", got)
	}
	s.seal(t)
	if _, found := s.verify(t); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

// A fixed price does not change with the sale: the sale is corrected all the same, and no
// money is booked.
func TestASaleOfAFixedPriceIsCorrectedWithoutMoney(t *testing.T) {
	t.Parallel()
	s := newSalesDesk(t)
	s.putTerms(t, func(terms *proofback.Terms) {
		g := &terms.Goals[0]
		g.Payout = proofback.Price{Model: proofback.PriceFixed, Amount: "5", Currency: "EUR"}
		g.Revenue = proofback.Price{Model: proofback.PriceFixed, Amount: "8", Currency: "EUR"}
	})
	at := s.now.AddDate(0, 0, -19)
	click := proofback.Click{
		ID: keyAt(at), At: at, LinkID: keyAt(at), OfferID: s.offer, AffiliateID: s.affiliate,
		AdvertiserID: s.advertiser, TermsID: s.terms.ID, Device: proofback.DeviceDesktop,
	}
	if err := s.store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{click}); err != nil {
		t.Fatal(err)
	}
	s.visitor = click.ID
	id := s.sells(5, "approved", eur("100"), eur("70"))
	s.pass(time.Minute)
	since := s.now
	s.pass(time.Minute)
	done := s.adjustAll(s.compared(), false)
	if diff := cmp.Diff([]string{"1: -30 sale,  payout,  revenue "}, tells(done)); diff != "" {
		t.Error(diff)
	}
	if got := s.kinds(s.compared()); got[proofback.KindMatched] != 1 || len(got) != 1 {
		t.Errorf("%v", got)
	}
	for _, actor := range []proofback.Actor{s.staff, s.affiliateActor(), s.advertiserActor()} {
		changes, err := s.store.ReportChanges(t.Context(), actor, proofback.ReportChangesInput{Since: since, Report: proofback.ReportInput{Range: march, Limit: 100}})
		if err != nil || len(changes.Changes) != 0 {
			t.Errorf("%s: %+v %v", actor.Role, changes, err)
		}
		list, err := s.store.AdjustmentsByConversion(t.Context(), actor, []uuid.UUID{id})
		if err != nil || len(list[id]) != 1 || list[id][0].Amount != (proofback.Money{Amount: "-30", Currency: "EUR"}) {
			t.Errorf("%s: %+v %v", actor.Role, list, err)
		}
	}
	// It moves on without leaving anything behind that would have to move along.
	s.now = time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
	s.close("2026-03")
	s.move(rejected, id)
	if n := s.count(t, `SELECT count(*) FROM adjustments WHERE conversion_id = $1 AND kind = 'STATUS'`, id); n != 1 {
		t.Errorf("%d lines moved", n)
	}
}

// However many ask at once, an item is adjusted once: the database sees to it.
func TestAnItemIsAdjustedOnceByWhoeverAsks(t *testing.T) {
	t.Parallel()
	s := newSalesDesk(t)
	const n = 20
	for range n {
		s.sells(5, "approved", eur("100"), eur("70"))
	}
	r := s.compared()
	var together sync.WaitGroup
	var counted [4]int
	for i := range counted {
		together.Go(func() { counted[i] = s.adjustAll(r, false).Count })
	}
	together.Wait()
	if sum := counted[0] + counted[1] + counted[2] + counted[3]; sum != n {
		t.Errorf("%v were adjusted, want %d in all", counted, n)
	}
	if got := s.count(t, `SELECT count(*) FROM adjustments WHERE reconciliation_id = $1`, r.ID); got != n {
		t.Errorf("%d adjustments, want %d", got, n)
	}
	_, err := s.store.Pool().Exec(t.Context(), `
		INSERT INTO adjustments
		SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).*
		FROM adjustments AS a
		WHERE reconciliation_id IS NOT NULL
		LIMIT 1`)
	if err == nil || !strings.Contains(err.Error(), "adjustments_item_once") {
		t.Error(err)
	}
}
