package dbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest/internal/shared"
	"github.com/proofback/proofback/db/internal/ramdisk"
)

const (
	testPrefix     = shared.Prefix + "db_"
	templatePrefix = shared.Prefix + "template_"
)

// adminConns bounds the connections that make and drop databases, per test program.
const adminConns = 4

// templateLock is the advisory lock of the process that makes the template.
const templateLock = 0x74656d706c6174 // "templat"

// source is where this test program's databases come from.
type source struct {
	url      string
	admin    *pgxpool.Pool
	template string
	strategy string
	postgres *shared.Postgres // keeps its locks as long as the program runs
}

var connect = sync.OnceValues(func() (*source, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute) // it may have to install Postgres
	defer cancel()
	pg, err := shared.Join(ctx, slog.Default())
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(pg.URL); err != nil || u.Scheme == "" {
		return nil, errors.New(shared.URLVariable + " must be a URL: postgres://user@host/database")
	}
	config, err := pgxpool.ParseConfig(pg.URL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = adminConns
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	s := &source{url: pg.URL, postgres: pg}
	if s.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	if err := s.chooseStrategy(ctx); err != nil {
		return nil, err
	}
	if err := s.makeTemplate(ctx); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	return s, nil
})

// chooseStrategy picks how databases are copied, by what was measured with four at
// once: file by file with checkpoints around it in memory (29 ms each, 64 through the
// log), through the log on a disk (55 ms each, 139 by files).
func (s *source) chooseStrategy(ctx context.Context) error {
	var dir string
	if err := s.admin.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return err
	}
	s.strategy = "wal_log"
	if ramdisk.Holds(dir) {
		s.strategy = "file_copy"
	}
	return nil
}

// makeTemplate makes sure that there is a migrated database to copy. Its name holds
// the version of the schema and, since partitions are made for the days around
// now, the day.
func (s *source) makeTemplate(ctx context.Context) error {
	version, err := db.SchemaVersion()
	if err != nil {
		return err
	}
	s.template = templatePrefix + version + time.Now().UTC().Format("_20060102")
	conn, err := s.admin.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(templateLock)); err != nil {
		return err
	}
	defer func() {
		_, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(templateLock))
	}()
	var ready bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT
			FROM pg_database
			WHERE datname = $1)`, s.template).Scan(&ready)
	if err != nil || ready {
		return err
	}
	// Under its final name there is only ever a whole one.
	unfinished := s.template + "_new"
	for _, sql := range []string{
		"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)",
		"CREATE DATABASE " + unfinished + " TEMPLATE template0",
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if err := db.Migrate(ctx, withDatabase(s.url, unfinished)); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+unfinished+" RENAME TO "+s.template)
	return err
}

func (s *source) create(ctx context.Context, name string) error {
	_, err := s.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY %s", name, s.template, s.strategy))
	return err
}
