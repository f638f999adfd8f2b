package db

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// orphans hold rows against those that they belong to. Clicks and the log of postbacks
// are kept for a time: what is of a day that was dropped may be missing.
func (v *verifying) orphans(ctx context.Context) (compared int64, err error) {
	err = v.snapshot(ctx, func(tx pgx.Tx) error {
		var kept [len(partitioned)]uuid.UUID
		for i, table := range partitioned {
			from, err := keptFrom(ctx, tx, table)
			if err != nil {
				return err
			}
			kept[i] = proofback.UUIDFloor(from)
		}
		compared, err = v.compare(ctx, tx, orphanComparisons(kept[0], kept[1]))
		return err
	})
	return compared, err
}

// keptFrom is from when on a partitioned table has its rows: the first day that has a
// partition, and the Unix epoch where none has.
func keptFrom(ctx context.Context, tx pgx.Tx, table string) (first time.Time, err error) {
	rows, err := tx.Query(ctx, `
		SELECT c.relname
		FROM pg_inherits AS i
		JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = $1::regclass`, table)
	if err != nil {
		return first, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if day, ok := dayOfPartition(table, name); ok && (first.IsZero() || day.Before(first)) {
			first = day
		}
	}
	if first.IsZero() {
		first = time.Unix(0, 0).UTC()
	}
	return first, err
}

// belongs says what a row must belong to.
type belongs struct {
	rows    string // behind a FROM: a table, which is r, or with AS r what is joined with it
	kind    proofback.Kind
	id      string // what it is about
	name    string // an expression, "" for the kind and the id
	unless  string // a condition for what is as it should be
	missing string // what is said else
}

// orphanComparisons are the rows of all tables that belong to others, given the first
// click and the first request that are kept.
func orphanComparisons(click, request uuid.UUID) []comparison {
	in := func(table, condition string) string {
		return "EXISTS (SELECT FROM " + table + " AS o WHERE " + condition + ")"
	}
	logged := func(column string) string {
		return fmt.Sprintf("r.%s IS NULL OR r.%[1]s < '%s' OR %s", column, request, in("postbacks", "o.id = r."+column))
	}
	const ofConversion = "o.id = r.conversion_id AND o.advertiser_id = r.advertiser_id"
	list := []belongs{
		{"conversions", "Conversion", "r.id", "", fmt.Sprintf("r.click_id < '%s' OR ", click) + in("clicks", "o.id = r.click_id"), "its click is gone"},
		{"conversions", "Conversion", "r.id", "", logged("postback_id"), "the request that made it is gone from the log"},
		{"conversions", "Conversion", "r.id", "", in("goals", "o.id = r.goal_id AND o.offer_id = r.offer_id"), "its goal is gone"},
		{"conversions", "Conversion", "r.id", "", in("terms", "o.id = r.terms_id AND o.offer_id = r.offer_id"), "the terms that it was made under are gone"},
		{"conversions", "Conversion", "r.id", "", in("advertisers", "o.id = r.advertiser_id"), "its advertiser is gone"},
		{"conversions", "Conversion", "r.id", "", "r.test OR " + in("affiliates", "o.id = r.affiliate_id"), "its affiliate is gone"},
		{"transitions", "Conversion", "r.conversion_id", "'transition ' || r.id", in("conversions", ofConversion), "its conversion is gone"},
		{"transitions", "Conversion", "r.conversion_id", "'transition ' || r.id", logged("postback_id"), "the request that made it is gone from the log"},
		{"deliveries", "Delivery", "r.id", "", in("transitions", "o.id = r.transition_id AND o.conversion_id = r.conversion_id AND o.to_status = r.event"), "the move that it tells of is gone"},
		{"deliveries", "Delivery", "r.id", "", in("destinations", "o.id = r.destination_id AND o.affiliate_id = r.affiliate_id"), "its endpoint is gone"},
		{"deliveries", "Delivery", "r.id", "", "r.attempts = (SELECT count(*) FROM attempts AS o WHERE o.delivery_id = r.id)", "it was attempted another number of times than is in the log of attempts"},
		// What is found by no index is joined at once.
		{"attempts AS r LEFT JOIN deliveries AS o ON o.id = r.delivery_id", "Delivery", "r.delivery_id", "format('attempt %s of delivery %s', r.number, r.delivery_id)", "o.id IS NOT NULL", "its delivery is gone"},
		{"parked", "Delivery", "r.delivery_id", "", in("deliveries", "o.id = r.delivery_id AND o.destination_id = r.destination_id"), "it waits, and is gone"},
		// An EXISTS would be made ready for each partition anew: these are joined at once.
		{"postbacks AS r LEFT JOIN conversions AS o ON o.id = r.conversion_id", "Postback", "r.id", "", "r.conversion_id IS NULL OR o.id IS NOT NULL AND (r.result <> 'accepted' OR o.postback_id = r.id)", "the conversion that it made or moved is gone, or was made by another"},
		{"postbacks", "Postback", "r.id", "", logged("replay_of"), "the request that it replays is gone from the log"},
		{"deferred", "Postback", "r.postback_id", "", logged("postback_id"), "it waits to be decided, and is gone from the log"},
		{"adjustments", "Adjustment", "r.id", "", in("conversions", ofConversion), "its conversion is gone"},
		{"adjustments", "Adjustment", "r.id", "", "r.transition_id IS NULL OR " + in("transitions", "o.id = r.transition_id AND o.conversion_id = r.conversion_id"), "the move that it books is gone"},
		{"adjustments", "Adjustment", "r.id", "", "r.of_id IS NULL OR " + in("adjustments", "o.id = r.of_id AND o.conversion_id = r.conversion_id"), "the correction that it takes along is gone"},
		{"adjustments", "Adjustment", "r.id", "", "r.reconciliation_id IS NULL OR " + in("reconciliation_items", "o.reconciliation_id = r.reconciliation_id AND o.n = r.item"), "the item that it was made for is gone"},
		{"statement_lines", "Statement", "r.statement_id", statementLine, in("statements", "o.id = r.statement_id AND o.affiliate_id = r.affiliate_id"), "its statement is gone"},
		{"statement_lines", "Statement", "r.statement_id", statementLine, in("conversions", "o.id = r.conversion_id AND o.affiliate_id = r.affiliate_id"), "its conversion is gone"},
		{"statement_lines", "Statement", "r.statement_id", statementLine, "r.adjustment_id IS NULL OR " + in("adjustments", "o.id = r.adjustment_id AND o.conversion_id = r.conversion_id"), "its adjustment is gone"},
		{"reconciliation_items", "Reconciliation", "r.reconciliation_id", "format('item %s of reconciliation %s', r.n, r.reconciliation_id)", in("reconciliations", "o.id = r.reconciliation_id") + " AND (r.conversion_id IS NULL OR " + in("conversions", "o.id = r.conversion_id") + ")", "its reconciliation or its conversion is gone"},
	}
	comparisons := make([]comparison, len(list))
	counted := map[string]bool{}
	for i, b := range list {
		name := b.name
		if name == "" {
			name = "''"
		}
		table, joined, _ := strings.Cut(b.rows, " ")
		from := b.rows
		if joined == "" {
			from += " AS r"
		}
		c := &comparisons[i]
		c.differences = fmt.Sprintf("SELECT '%s', %s, %s, '%s' FROM %s WHERE NOT coalesce(%s, false)", b.kind, b.id, name, b.missing, from, b.unless)
		if c.counted = table; counted[table] {
			c.counted = "(SELECT LIMIT 0) AS counted" // with the first comparison of these rows
		}
		counted[table] = true
	}
	return comparisons
}

const statementLine = "format('line %s of statement %s', r.number, r.statement_id)"
