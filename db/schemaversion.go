package db

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// SchemaVersion names what Migrate makes of an empty database: other migrations,
// other name. It has 16 hexadecimal digits.
func SchemaVersion() (string, error) {
	h := sha256.New()
	jobs, err := rivermigrate.New[pgx.Tx](riverpgxv5.New(nil), nil)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(h, len(jobs.AllVersions()))
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrationFiles, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, name, len(text))
		_, _ = h.Write(text) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
