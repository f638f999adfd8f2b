package bench

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback/server/bench/load"
)

// pgbench is the load generator that comes with Postgres. What it does here is what
// load.InsertTraffic does: one durable row a transaction on each connection. It does it as
// it comes, with statements that Postgres parses and plans anew, where ours are prepared.
type pgbench struct {
	program string
	url     string
	folder  string // for the script and the logs
}

// pgbenchTable is load.InsertTable with a key that Postgres makes, since pgbench cannot
// make one that rises with time.
const pgbenchTable = `
	CREATE TABLE IF NOT EXISTS bench_pgbench (
		id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		click_id    uuid NOT NULL,
		event_type  text NOT NULL,
		txid        text NOT NULL,
		amount      numeric NOT NULL,
		currency    text NOT NULL,
		received_at timestamptz NOT NULL DEFAULT now()
	)`

const pgbenchScript = `\set n random(1, 9000000000000000000)
INSERT INTO bench_pgbench (click_id, event_type, txid, amount, currency) VALUES (gen_random_uuid(), 'sale', :n, 12.90, 'EUR');
`

const pgbenchName = "one INSERT each, pgbench"

// pgbench is the contender, nil where Postgres came without the program.
func (s *suite) pgbench(ctx context.Context) (*contender, error) {
	p := &pgbench{program: s.bed.cluster.Program("pgbench"), url: s.bed.cluster.URL(), folder: filepath.Join(s.bed.dir, "pgbench")}
	switch _, err := os.Stat(p.program); {
	case errors.Is(err, fs.ErrNotExist):
		progress("Postgres came without pgbench, so nothing is compared with it")
		return nil, nil
	case err != nil:
		return nil, err
	}
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(p.script(), []byte(pgbenchScript), 0o600); err != nil {
		return nil, err
	}
	_, err := s.bed.store.Pool().Exec(ctx, pgbenchTable)
	return &contender{name: pgbenchName, drive: p.drive}, err
}

func (p *pgbench) script() string { return filepath.Join(p.folder, "insert.sql") }

// drive is drive with pgbench. It counts only what ended in the measured time.
func (p *pgbench) drive(ctx context.Context, job load.Job) (*load.Result, time.Duration, error) {
	logs, err := os.MkdirTemp(p.folder, "log-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(logs)
	seconds := int(math.Ceil((job.Warmup + job.Duration).Seconds())) + 1 // it counts from before it connects, in whole ones
	cmd := exec.CommandContext(ctx, p.program, "--no-vacuum", "--file="+p.script(),
		"--client="+strconv.Itoa(job.Connections), "--jobs="+strconv.Itoa(min(job.Connections, runtime.NumCPU())),
		"--time="+strconv.Itoa(seconds), "--log", "--log-prefix="+filepath.Join(logs, "log"), p.url)
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, 0, fmt.Errorf("pgbench: %w: %s", err, said)
	}
	all, err := readTransactions(logs)
	if err != nil {
		return nil, 0, err
	}
	return countTransactions(all, job), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// transaction is one that pgbench has logged: when it ended, and how long it took.
type transaction struct {
	ended time.Time
	took  time.Duration
}

// readTransactions reads the logs in a folder, which has one for each of pgbench's threads
// (https://www.postgresql.org/docs/current/pgbench.html, "Per-Transaction Logging").
func readTransactions(folder string) (all []transaction, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for err == nil && lines.Scan() {
			var t transaction
			t, err = readTransaction(lines.Text())
			all = append(all, t)
		}
		if err := cmp.Or(err, lines.Err(), f.Close()); err != nil {
			return nil, err
		}
	}
	if len(all) == 0 {
		return nil, errors.New("pgbench logged no transaction")
	}
	return all, nil
}

// readTransaction reads a line: client, number of the transaction, µs that it took, script,
// and the seconds and µs of the time at which it ended.
func readTransaction(line string) (t transaction, err error) {
	const took, seconds, micros, columns = 2, 4, 5, 6
	fields := strings.Fields(line)
	if len(fields) < columns {
		return t, fmt.Errorf("pgbench logged %q: expected %d columns", line, columns)
	}
	var n [columns]int64
	for _, i := range []int{took, seconds, micros} {
		if n[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return t, fmt.Errorf("pgbench logged %q: %w", line, err)
		}
	}
	return transaction{time.Unix(n[seconds], n[micros]*1000), time.Duration(n[took]) * time.Microsecond}, nil
}

// countTransactions tells a job's result; its time begins with the first of them.
func countTransactions(all []transaction, job load.Job) *load.Result {
	began := all[0].ended
	for _, t := range all {
		if at := t.ended.Add(-t.took); at.Before(began) {
			began = at
		}
	}
	from := began.Add(job.Warmup)
	r := &load.Result{Outcomes: map[string]int{"inserted": len(all)}, Elapsed: job.Duration}
	for _, t := range all {
		if !t.ended.Before(from) && t.ended.Before(from.Add(job.Duration)) {
			r.Measured++
			r.Latency.Add(t.took)
		}
	}
	return r
}
