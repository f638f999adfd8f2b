package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// auditClicks counts whether every redirect has its click.
func (s *suite) auditClicks(ctx context.Context, since uuid.UUID) error {
	return s.audit(ctx, "302", []question{
		{"clicks", `SELECT count(*) FROM clicks WHERE id >= $1 AND source <> $2`, []any{since, baselineSource}, 1},
	})
}

// auditPostbacks counts whether everything that follows from an accepted postback
// is there, and once.
func (s *suite) auditPostbacks(ctx context.Context, since uuid.UUID, prefix string) error {
	const made = ` WHERE conversion_id IN (SELECT id FROM conversions WHERE txid LIKE $1)`
	like := []any{prefix + "%"}
	err := s.audit(ctx, "200 accepted", []question{
		{"conversions", `SELECT count(*) FROM conversions WHERE txid LIKE $1`, like, 1},
		{"transitions", `SELECT count(*) FROM transitions` + made, like, 1},
		{"deliveries", `SELECT count(*) FROM deliveries` + made, like, 1},
		{"ledger entries", `
			SELECT count(*)
			FROM ledger
			WHERE id IN (
				SELECT id FROM conversions WHERE txid LIKE $1
				UNION ALL
				SELECT id FROM transitions` + made + `)`, like, 1},
	})
	if err != nil {
		return err
	}
	var log int
	if err := s.bed.store.Pool().QueryRow(ctx, `SELECT count(*) FROM postbacks WHERE id >= $1`, since).Scan(&log); err != nil {
		return err
	}
	answers := s.others
	for _, n := range s.answered {
		answers += n
	}
	if log != answers {
		return fmt.Errorf("%d postbacks were answered, and %d are in the log", answers, log)
	}
	_, err = fmt.Fprintf(s.out, "answers: %v, all in the log\n", map[string]int(s.answered))
	return err
}

// question counts something that must be there a number of times for each answer.
type question struct {
	what, query string
	args        []any
	each        int
}

func (s *suite) audit(ctx context.Context, answer string, questions []question) error {
	promised := s.answered[answer]
	for _, q := range questions {
		var stored int
		if err := s.bed.store.Pool().QueryRow(ctx, q.query, q.args...).Scan(&stored); err != nil {
			return err
		}
		if stored != promised*q.each {
			return fmt.Errorf("%d answers %q were given, and %d %s are stored: expected %d", promised, answer, stored, q.what, promised*q.each)
		}
		if _, err := fmt.Fprintf(s.out, "stored for %s answers %q: %s %s\n", grouped(float64(promised)), answer, grouped(float64(stored)), q.what); err != nil {
			return err
		}
	}
	return nil
}
