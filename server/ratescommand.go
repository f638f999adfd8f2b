package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

type ratesCommand struct {
	Import importRatesCommand `cmd:"" help:"Store the rates of a CSV file: currency,date,per_euro and, where they are not all IMPORT, source. All of them, or none when anything is wrong. A rate that is there already stays as it is."`
}

type importRatesCommand struct {
	File string `arg:"" help:"The file; - reads standard input."`
}

// Run imports a file of rates. What waited for them is normalised by a job, within
// minutes.
func (c *importRatesCommand) Run(s *Settings, out io.Writer) error {
	var file io.Reader = os.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		file = f
	}
	return s.withStore(func(ctx context.Context, store *db.Store) error {
		stored, read, err := store.ImportRates(ctx, proofback.System(), file)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%d of %d rates were new\n", stored, read)
		return err
	})
}
