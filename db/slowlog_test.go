package db_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// lines keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func slowStore(t *testing.T, threshold time.Duration) (*db.Store, *lines) {
	said := new(lines)
	store := dbtest.Open(t, func(c *db.Config) {
		c.Tracer = &db.SlowLog{
			Threshold: threshold,
			Log:       slog.New(slog.NewJSONHandler(said, nil)),
			RequestID: func(ctx context.Context) string {
				id, _ := ctx.Value(requestKey{}).(string)
				return id
			},
		}
	})
	return store, said
}

type requestKey struct{}

func TestSlowStatementsAreLoggedWithTheirRequestAndFastOnesAreNot(t *testing.T) {
	t.Parallel()
	store, said := slowStore(t, 200*time.Millisecond)
	ctx := context.WithValue(t.Context(), requestKey{}, "request-7")
	if _, err := store.Pool().Exec(ctx, `SELECT 'fast'`); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Pool().Exec(ctx, `SELECT pg_sleep(0.25), 'secret', $1`, "hidden"); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Level, Msg, Statement string
		Took                  float64 `json:"took_ms"`
		RequestID             string  `json:"request_id"`
	}
	for text := range strings.Lines(said.String()) {
		if !strings.Contains(text, "pg_sleep") {
			continue // a busy machine may be slow at anything
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
	}
	if line.Msg != "slow query" || line.Level != "WARN" || line.Statement != "SELECT pg_sleep(?), ?, $1" || line.Took < 250 || line.RequestID != "request-7" {
		t.Errorf("logged as %+v", line)
	}
	var q pgx.Batch
	q.Queue(`SELECT pg_sleep(0.25)`)
	q.Queue(`SELECT 1/0`)
	_ = store.Pool().SendBatch(ctx, &q).Close()
	if got := said.String(); !strings.Contains(got, "SELECT pg_sleep(?); SELECT ?/?") || !strings.Contains(got, "SQLSTATE 22012") {
		t.Errorf("a batch is logged as %s", got)
	}
}

func TestTheSlowLogTellsNoValues(t *testing.T) {
	t.Parallel()
	store, said := slowStore(t, time.Nanosecond)
	a, secret, err := store.CreateAdvertiser(t.Context(), proofback.System(), proofback.Advertiser{Name: "Zyzzyva Ltd"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Advertisers(t.Context(), proofback.System(), proofback.PartnerFilter{Search: "Zyzzyva"}, proofback.Page{}); err != nil {
		t.Fatal(err)
	}
	got := said.String()
	if !strings.Contains(got, "INSERT INTO") || !strings.Contains(got, "advertisers") {
		t.Fatalf("nothing is logged: %s", got)
	}
	for _, value := range []string{"Zyzzyva", a.ID.String(), a.PostbackKey, secret} {
		if value != "" && strings.Contains(got, value) {
			t.Errorf("%q is in the log", value)
		}
	}
}
