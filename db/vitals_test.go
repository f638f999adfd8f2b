package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

func TestVitalsTellWhatWaitsAndHowFarThingsLieBehind(t *testing.T) {
	t.Parallel()
	noon := now().Truncate(24 * time.Hour).Add(12 * time.Hour)
	store := dbtest.Open(t, func(c *db.Config) { c.Now = func() time.Time { return noon } })
	v, err := store.Vitals(t.Context(), proofback.System())
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Partitions) != 2 || v.Partitions[0].DaysAhead < db.PartitionDaysAhead-1 || len(v.Jobs) != 0 || !v.RolledUp.IsZero() || !v.RatesDay.IsZero() {
		t.Errorf("of an empty database: %+v", v)
	}
	for _, statement := range []string{
		`INSERT INTO river_job (args, kind, max_attempts, queue, scheduled_at, state)
		 SELECT '{}', 'deliver', 3, 'deliver', '2024-01-01'::timestamptz + n * interval '1 hour', 'available' FROM generate_series(1, 3) AS n`,
		`INSERT INTO river_job (args, kind, max_attempts, queue, finalized_at, state) VALUES ('{}', 'deliver', 3, 'deliver', now(), 'completed')`,
		`INSERT INTO affiliates (id, name, status, currency, created_at) VALUES (gen_random_uuid(), 'A', 'ACTIVE', 'EUR', now())`,
		`INSERT INTO destinations (id, affiliate_id, statuses, method, url_template, retry_on, secret, health_state, health_since, created_at, open_until)
		 SELECT gen_random_uuid(), id, '{}', 'GET', 'https://a.example', '{}', '', state, now(), now(), until
		 FROM affiliates, (VALUES ('HEALTHY', NULL), ('FAILING', 'infinity'::timestamptz), ('FAILING', NULL)) AS s (state, until)`,
		`INSERT INTO parked SELECT id, n, id FROM destinations, generate_series(1, 2) AS n`,
		`INSERT INTO rollup_state (rolled_from, rolled_to, looked_to) VALUES ('2024-01-01', '2024-01-02', '2024-01-02')`,
		`INSERT INTO rates (currency, day, per_euro, source) VALUES ('USD', '2024-01-02', 1.1, 'TEST')`,
	} {
		if _, err := store.Pool().Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if v, err = store.Vitals(t.Context(), proofback.System()); err != nil {
		t.Fatal(err)
	}
	at := func(day, hour int) time.Time { return time.Date(2024, 1, day, hour, 0, 0, 0, time.UTC) }
	if !slices.ContainsFunc(v.Jobs, func(j db.JobBacklog) bool {
		return j.Kind == "deliver" && j.State == "available" && j.Count == 3 && j.Oldest.Equal(at(1, 1))
	}) || len(v.Jobs) != 1 {
		t.Errorf("jobs: %+v", v.Jobs)
	}
	if v.Destinations[proofback.HealthFailing] != 2 || v.Destinations[proofback.HealthHealthy] != 1 || v.OpenBreakers != 1 || v.Parked != 6 {
		t.Errorf("destinations: %+v, %d open, %d parked", v.Destinations, v.OpenBreakers, v.Parked)
	}
	if !v.RolledUp.Equal(at(2, 0)) || !v.RatesDay.Equal(at(2, 0)) || v.Deferred != 0 || v.AwaitingRate != 0 {
		t.Errorf("behind: %+v", v)
	}
	if _, err := store.Vitals(t.Context(), proofback.Actor{Role: proofback.RoleAdmin}); err == nil {
		t.Error("a person asks")
	}
}
