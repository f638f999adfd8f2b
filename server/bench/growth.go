package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/proofback/proofback/server/bench/load"
)

// growth measures clicks and postbacks as stored clicks become more. What is
// expected of it is that the ratios to the baselines stay: a row's ratio is that
// of its ratio to the first row's.
//
// Those of the first are kept in the folder, so that each size can be stored and
// measured in a run of its own.
func (s *suite) growth(ctx context.Context) error {
	sizes := s.millions(1, 10)
	if err := s.use(ctx, slices.Max(sizes)*1_000_000); err != nil {
		return err
	}
	for _, millions := range sizes {
		if err := s.bed.fill(ctx, millions*1_000_000); err != nil {
			return err
		}
		if err := s.prepareInserts(ctx); err != nil {
			return err
		}
		if s.Only == onlyLoad {
			if err := s.bed.rest(ctx); err != nil {
				return err
			}
			continue
		}
		if err := s.growthAt(ctx, millions); err != nil {
			return err
		}
	}
	return nil
}

// grown are ratios to baselines with a number of stored clicks.
type grown struct {
	Millions int
	Ratios   map[string]float64
}

func (s *suite) growthAt(ctx context.Context, millions int) (err error) {
	first := &s.bed.Grown
	if first.Millions == 0 || millions <= first.Millions {
		*first = grown{millions, map[string]float64{}}
	}
	field, stop, err := s.field(ctx, load.Job{Clicks: &load.ClickTraffic{Codes: s.bed.Codes}}, baselineBare, oursName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	postbacks := *field[1]
	postbacks.job.Clicks = nil
	postbacks.job.Postbacks = &load.PostbackTraffic{Clicks: s.bed.Clicks, Prefix: fmt.Sprintf("g%d-%d-", s.bed.Runs, millions)}
	shape := load.Job{Connections: s.Connections[len(s.Connections)-1]}
	// Statistics of tables that were empty when they were made would have postbacks read
	// them from end to end, until Postgres makes others.
	if err := s.measure(ctx, shape, &postbacks, new(figures)); err != nil {
		return err
	}
	if err := s.bed.warm(ctx); err != nil {
		return err
	}
	for _, r := range []struct {
		name  string
		field []*contender
	}{
		{"clicks", field},
		{"postbacks", []*contender{s.inserts(), &postbacks}},
	} {
		if err := s.bed.rest(ctx); err != nil {
			return err
		}
		row := fmt.Sprintf("%dM %s", millions, r.name)
		all, err := s.compare(ctx, row, shape, r.field...)
		if err != nil {
			return err
		}
		if err := s.print(row, all); err != nil {
			return err
		}
		ratio := median(all[1].ratio)
		if first.Millions == millions {
			first.Ratios[r.name] = ratio
		}
		flat := ratio / first.Ratios[r.name]
		if _, err := fmt.Fprintf(s.out, "%s: %.2f of what it was with %d million\n", row, flat, first.Millions); err != nil {
			return err
		}
		s.expect(row+" flat", flat, 0)
	}
	return s.bed.save()
}
