package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// subscribers are told of changes at a fixed rate: all of them of every change, as staff
// who look at the same list are, or each affiliate's of its own.
func (s *suite) subscribers(ctx context.Context) (err error) {
	if err := s.bed.fill(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.convert(ctx); err != nil {
		return err
	}
	actors, err := s.bed.affiliates(ctx)
	if err != nil {
		return err
	}
	server, err := s.serveProgram(ctx, []string{"PROOFBACK_QUERY_BUDGET=0"}, "serve", "--role=api")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if _, err := fmt.Fprintln(s.out, "\nsubscribers  changes/s  told      missing  p50       p99       CPU of proofback"); err != nil {
		return err
	}
	for _, n := range s.Connections {
		for _, rate := range s.Rates {
			for _, who := range []struct {
				name   string
				actors []proofback.Actor
			}{{"staff, all of each", []proofback.Actor{{Role: proofback.RoleManager}}}, {"affiliates, of their own", actors}} {
				a := &audience{bed: s.bed, addr: server.addr, rate: rate, cpu: func() time.Duration { return cpuOf(server.cmd.Process.Pid) }}
				row, err := a.measure(ctx, who.actors, n, s.Duration)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(s.out, "%-12d %-10d %s  %s\n", n, rate, row, who.name); err != nil {
					return err
				}
				if a.missing != 0 {
					s.missed = append(s.missed, fmt.Sprintf("%d subscribers, %s: %d were not told", n, who.name, a.missing))
				}
			}
		}
	}
	return nil
}

// audience is many subscribers, and those who make the changes.
type audience struct {
	bed  *bed
	addr string
	rate int
	cpu  func() time.Duration

	began   sync.Map // of time.Time, by conversion's global id: when its change was committed
	told    atomic.Int64
	missing int64

	mu   sync.Mutex
	took []time.Duration
}

// timedChanges is how many messages are timed, at most.
const timedChanges = 2_000_000

func (a *audience) measure(ctx context.Context, actors []proofback.Actor, n int, d time.Duration) (row string, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	tokens, err := a.bed.accessTokens(ctx, actors)
	if err != nil {
		return "", err
	}
	of := map[uuid.UUID]int64{} // subscribers of each affiliate; of nobody: staff
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	for i := range n {
		conn, err := subscribed(ctx, a.addr, tokens[i%len(tokens)])
		if err != nil {
			return "", fmt.Errorf("subscriber %d: %w", i, err)
		}
		of[actors[i%len(actors)].AffiliateID]++
		reading.Go(func() { a.listen(ctx, conn) })
	}
	if err := sleep(ctx, time.Second); err != nil {
		return "", err
	}
	used := a.cpu()
	expected, err := a.change(ctx, of, d)
	if err != nil {
		return "", err
	}
	deadline := time.Now().Add(10 * time.Second)
	for a.told.Load() < expected && time.Now().Before(deadline) {
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return "", err
		}
	}
	used = a.cpu() - used
	a.missing = expected - a.told.Load()
	stop()
	reading.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.Sort(a.took)
	at := func(share float64) time.Duration {
		if len(a.took) == 0 {
			return 0
		}
		return a.took[int(share*float64(len(a.took)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%-9d %-8d %-9s %-9s %.0f %%", a.told.Load(), a.missing, at(.5), at(.99), 100*used.Seconds()/d.Seconds()), nil
}

// change moves a conversion after the other, and tells how many messages should come of
// it.
func (a *audience) change(ctx context.Context, of map[uuid.UUID]int64, d time.Duration) (expected int64, err error) {
	pool := a.bed.store.Pool()
	rows, err := pool.Query(ctx, `SELECT id, affiliate_id FROM conversions WHERE txid LIKE 'page-%' ORDER BY random() LIMIT $1`, int(d.Seconds()*float64(a.rate)))
	if err != nil {
		return 0, err
	}
	type conversion struct{ id, affiliate uuid.UUID }
	var list []conversion
	var c conversion
	for rows.Next() {
		if err := rows.Scan(&c.id, &c.affiliate); err != nil {
			return 0, err
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	next := time.Now()
	for _, c := range list {
		if err := sleep(ctx, time.Until(next)); err != nil {
			return 0, err
		}
		next = next.Add(time.Second / time.Duration(a.rate))
		a.began.Store(proofback.GlobalID(proofback.KindConversion, c.id), time.Now())
		_, err := pool.Exec(ctx, `
			WITH moved AS (
				INSERT INTO transitions (id, conversion_id, advertiser_id, affiliate_id, from_status, to_status, at, by_kind, reason)
				SELECT gen_random_uuid(), id, advertiser_id, affiliate_id, status, status, now(), 'SYSTEM', 'bench'
				FROM conversions
				WHERE id = $1)
			SELECT pg_notify('proofback_changes', '')`, c.id)
		if err != nil {
			return 0, err
		}
		expected += of[uuid.Nil] + of[c.affiliate]
	}
	return expected, nil
}

// listen counts what a subscriber is told.
func (a *audience) listen(ctx context.Context, conn *websocket.Conn) {
	defer func() { _ = conn.CloseNow() }()
	const before = `{"conversionChanged":{"id":"`
	var took []time.Duration
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.took) < timedChanges {
			a.took = append(a.took, took...)
		}
	}()
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		_, rest, ok := bytes.Cut(text, []byte(before))
		id, _, found := bytes.Cut(rest, []byte(`"`))
		if !ok || !found {
			continue
		}
		if began, ok := a.began.Load(string(id)); ok {
			took = append(took, time.Since(began.(time.Time)))
			a.told.Add(1)
		}
	}
}

// subscribed opens a WebSocket and subscribes to all changes.
func subscribed(ctx context.Context, addr, token string) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/graphql", &websocket.DialOptions{ //nolint:bodyclose // there is none where it has worked
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: http.Header{"Authorization": {"Bearer " + token}},
	})
	if err != nil {
		return nil, err
	}
	for _, text := range []string{
		`{"type":"connection_init"}`,
		`{"type":"subscribe","id":"1","payload":{"query":"subscription { conversionChanged { id status eventAt payout { amount currency } offer { id name } affiliate { id name } click { id clickId } changeCursor } }"}}`,
	} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			return nil, err
		}
	}
	_, ack, err := conn.Read(ctx)
	if err == nil && !bytes.Contains(ack, []byte("connection_ack")) {
		err = fmt.Errorf("got %s", ack)
	}
	return conn, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
