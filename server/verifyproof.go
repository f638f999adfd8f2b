package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/proofback/proofback"
)

type verifyProofCommand struct {
	File      string `arg:"" placeholder:"FILE" help:"The document of a proof, or - for standard input."`
	Key       string `required:"" placeholder:"KEY" help:"Public key of the ledger, as /ledger/key has it."`
	Statement string `placeholder:"FILE" help:"The CSV of a statement, to be held against what the proof says of it."`
}

// Run checks the proof, and the statement where there is one, and prints what it proves.
func (c *verifyProofCommand) Run(out io.Writer) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	const most = 8 << 20
	text, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return err
	}
	proof, err := proofback.ParseProof(text)
	if err != nil {
		return err
	}
	facts, checkpoint, err := proof.Verify(c.Key)
	if err != nil {
		return fmt.Errorf("the proof does not hold: %w", err)
	}
	var told strings.Builder
	for i, fact := range facts {
		fmt.Fprintf(&told, "entry %d of the ledger\n", proof.Entries[i].Index)
		for _, name := range slices.Sorted(maps.Keys(fact)) {
			fmt.Fprintf(&told, "  %s: %q\n", name, fact[name])
		}
	}
	fmt.Fprintf(&told, "The proof holds: these entries were in the ledger %q when it had %d.\n", checkpoint.Origin, checkpoint.Size)
	if _, err := io.WriteString(out, told.String()); err != nil || c.Statement == "" {
		return err
	}
	return c.checkStatement(out, facts)
}

// checkStatement holds the file against the statement that it is of.
func (c *verifyProofCommand) checkStatement(out io.Writer, facts []proofback.Fact) error {
	f, err := os.Open(c.Statement)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	file, err := proofback.ReadStatementFile(f)
	if err != nil {
		return fmt.Errorf("the statement cannot be read: %w", err)
	}
	// Of several the last one is meant, unless the file is of another.
	err = errors.New("the proof is about no statement")
	for _, fact := range slices.Backward(facts) {
		if fact["kind"] != string(proofback.EntryStatement) {
			continue
		}
		differs := file.Check(fact)
		if differs == nil {
			_, err := fmt.Fprintf(out, "The statement holds: its %d lines are those of %s in the ledger, and come to %s %s, of which %s are paid and %s carried.\n",
				file.Lines, fact["month"], file.Opening.Add(file.Earned).Add(file.Adjusted).Canonical(), file.Currency, fact["statement_payable"], fact["statement_carried"])
			return err
		}
		if err.Error() == "the proof is about no statement" {
			err = differs
		}
	}
	return fmt.Errorf("the statement is not the one in the ledger: %w", err)
}
