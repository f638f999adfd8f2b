package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

type verifyAllCommand struct {
	Only    []string `placeholder:"CHECK,…" help:"Make only these checks: ${checks}."`
	Timings bool     `help:"Tell how long each check took."`
}

// printedOfCheck is how many differences of a check are printed one by one; all are
// written down.
const printedOfCheck = 20

// Run makes the checks, prints a line for each and what it found, and fails if that is
// anything.
func (c *verifyAllCommand) Run(s *Settings, out io.Writer) error {
	var only []proofback.SelfCheck
	for _, name := range c.Only {
		check, ok := proofback.ParseSelfCheck(strings.TrimSpace(name))
		if !ok {
			return wrong("--only", "is %q: expected some of %s", name, checkNames())
		}
		only = append(only, check)
	}
	return s.withStore(func(ctx context.Context, store *db.Store) error {
		keys, seen, err := s.knownOfLedger(ctx, store, nil, "")
		if err != nil {
			return err
		}
		var found []proofback.Discrepancy
		run, err := store.Verify(ctx, proofback.System(), db.VerifyConfig{
			Only: only, LedgerKeys: keys, LedgerSeen: seen,
			Found: func(d proofback.Discrepancy) error {
				if len(found) < printedOfCheck {
					found = append(found, d)
				}
				return nil
			},
			Done: func(r proofback.SelfCheckResult) error {
				err := c.print(out, r, found)
				found = nil
				return err
			},
		})
		if err != nil {
			return err
		}
		if n := run.Differences(); n > 0 {
			return fmt.Errorf("there are %d differences: they are kept with advice, for staff to read as discrepancies in GraphQL", n)
		}
		return nil
	})
}

// print prints what a check came to.
func (c *verifyAllCommand) print(out io.Writer, r proofback.SelfCheckResult, found []proofback.Discrepancy) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-11s  %s: %d compared, %d differences", strings.ToLower(string(r.Check)), r.Check.Claim(), r.Compared, r.Differences)
	if c.Timings {
		fmt.Fprintf(&b, ", %.1f s", r.Took.Seconds())
	}
	b.WriteByte('\n')
	for _, d := range found {
		fmt.Fprintf(&b, "  %s: %s\n", d.Key, d.What)
	}
	if more := r.Differences - int64(len(found)); more > 0 {
		fmt.Fprintf(&b, "  … and %d more\n", more)
	}
	if r.Differences > 0 {
		fmt.Fprintf(&b, "  %s\n", r.Check.Advice())
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// checkNames are the names of the checks, as --only takes them.
func checkNames() string {
	var names []string
	for _, c := range proofback.SelfChecks() {
		names = append(names, strings.ToLower(string(c)))
	}
	return strings.Join(names, ", ")
}
