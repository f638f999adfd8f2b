package main

import (
	"context"
	"fmt"
	"io"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

type verifyCommand struct {
	All     verifyAllCommand     `cmd:"" default:"withargs" help:"Hold the whole database against itself, write down each difference with advice, and print them (default)."`
	Rollups verifyRollupsCommand `cmd:"" help:"Count what is rolled up for reports again from the clicks and conversions, and print each difference."`
	Ledger  verifyLedgerCommand  `cmd:"" help:"Derive the ledger's entries again from the tables and its tree from the entries, and print each difference."`
	Proof   verifyProofCommand   `cmd:"" help:"Check the proof of a conversion or a statement, without a database."`
}

type verifyRollupsCommand struct{}

// Run compares, prints what is different, and fails if anything is.
func (verifyRollupsCommand) Run(s *Settings, out io.Writer) error {
	return s.withStore(func(ctx context.Context, store *db.Store) error {
		differences := 0
		days, err := store.VerifyRollups(ctx, proofback.System(), func(d db.RollupDifference) error {
			differences++
			_, err := fmt.Fprintln(out, d)
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%d days were counted again: %d differences\n", days, differences); err != nil {
			return err
		}
		if differences > 0 {
			return fmt.Errorf("%d counts were wrong: reports leave them out, and a job counts them anew", differences)
		}
		return nil
	})
}
