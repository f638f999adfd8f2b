package db_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

type lateArgs struct {
	Text string    `json:"text"`
	ID   uuid.UUID `json:"id"`
}

func (lateArgs) Kind() string { return "late" }

func TestJobsSentWithABatchAreThoseThatRiverInserts(t *testing.T) {
	t.Parallel()
	s := dbtest.Open(t)
	client, err := river.NewClient(riverpgxv5.New(s.Pool()), &river.Config{})
	if err != nil {
		t.Fatal(err)
	}
	jobs := []river.InsertManyParams{
		{Args: lateArgs{"it's \"$1\" \\ ü", newID(t)}},
		{Args: lateArgs{}, InsertOpts: &river.InsertOpts{Queue: "q", Priority: 3, MaxAttempts: 7, Tags: []string{"one", "two"}, Metadata: []byte(`{"m": 1}`)}},
		{Args: lateArgs{}, InsertOpts: &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}}},
	}
	insert := func(tx pgx.Tx) error {
		_, err := client.InsertManyFastTx(t.Context(), tx, jobs)
		return err
	}
	listener, err := s.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Release()
	if _, err := listener.Exec(t.Context(), `LISTEN "public.river_insert"`); err != nil {
		t.Fatal(err)
	}

	if err := db.InLateTx(t.Context(), s, insert); err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for range 2 {
		n, err := listener.Conn().WaitForNotification(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		told[n.Payload] = true
	}
	if !told[`{"queue": "default"}`] || !told[`{"queue": "q"}`] {
		t.Errorf("River's queues are told %v", told)
	}

	late := jobRows(t, s)
	if err := pgx.BeginFunc(t.Context(), s.Pool(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `DELETE FROM river_job`); err != nil {
			return err
		}
		return insert(tx)
	}); err != nil {
		t.Fatal(err)
	}
	if own := jobRows(t, s); late != own || own == "" {
		t.Errorf("sent with a batch:\n%s\ninserted by River:\n%s", late, own)
	}
}

// jobRows are the jobs but for their numbers and times.
func jobRows(t *testing.T, s *db.Store) (rows string) {
	t.Helper()
	err := s.Pool().QueryRow(context.WithoutCancel(t.Context()), `
		SELECT string_agg((to_jsonb(j) - 'id' - 'created_at' - 'scheduled_at')::text, E'\n' ORDER BY id)
		FROM river_job AS j
		WHERE created_at BETWEEN now() - interval '1 minute' AND now()
		AND scheduled_at BETWEEN now() - interval '1 minute' AND now()`).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
