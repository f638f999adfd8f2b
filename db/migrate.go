package db

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrationLock is the advisory lock that one migrating process holds.
const migrationLock = 0x70726f6f66 // "proof"

// Migrate brings the database to the newest schema: River's tables and ours,
// and today's partitions. It waits while another process does the same, and
// changes nothing when there is nothing to do. Migrations only go forward.
func Migrate(ctx context.Context, url string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	defer func() {
		_, _ = lock.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
	}()

	jobs, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job tables: %w", err)
	}
	if err := ensureRoles(ctx, pool); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := migrateOurs(ctx, pool); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := makeUsualPartitions(ctx, pool, time.Now()); !lockNotAvailable(err) {
		return err
	}
	return nil // somebody reads for long: an hourly job goes on trying
}

func migrateOurs(ctx context.Context, pool *pgxpool.Pool) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	found := migrate.NewMigrations()
	if err := found.Discover(files); err != nil {
		return err
	}
	ours := bun.NewDB(stdlib.OpenDBFromPool(pool), pgdialect.New())
	defer func() { _ = ours.Close() }() // only the database/sql façade; it owns no connection
	m := migrate.NewMigrator(ours, found, migrate.WithMarkAppliedOnSuccess(true))
	if err := m.Init(ctx); err != nil {
		return err
	}
	_, err = m.Migrate(ctx)
	return err
}
