package db

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Word of changes goes out by NOTIFY, but not in the transactions that make them: there
// Postgres would have all of them commit one after the other, however many write at
// once. It goes out right after, once for all that were committed meanwhile, and with it
// River's word of the jobs that were stored with the rows of a batch; should
// the process die in between, whoever listens looks by himself within a second.
const (
	changesChannel = "proofback_changes"
	tellChanges    = `NOTIFY ` + changesChannel
	wordPause      = 5 * time.Millisecond
	wordTimeout    = 5 * time.Second
)

// changeWord sends word of changes, one at a time.
type changeWord struct {
	mu      sync.Mutex
	due     map[string]bool // statements that send what is to be told
	sending bool
	sent    sync.WaitGroup
}

// tellOfChanges sends word, soon, that conversions have changed. It is called when the
// change is committed, and does not wait.
func (s *Store) tellOfChanges() { s.tell(tellChanges) }

// tell has notifications sent, soon, each once for all that ask for it meanwhile.
func (s *Store) tell(notifications ...string) {
	w := &s.word
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.due == nil {
		w.due = map[string]bool{}
	}
	for _, n := range notifications {
		w.due[n] = true
	}
	if w.sending {
		return
	}
	w.sending = true
	w.sent.Go(func() {
		for {
			due := w.take()
			if len(due) == 0 {
				return
			}
			s.sendWord(due)
			<-time.After(wordPause)
		}
	})
}

// take gives what is to be sent; without any, the turn to send is given back.
func (w *changeWord) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	due := slices.Sorted(maps.Keys(w.due))
	clear(w.due)
	w.sending = len(due) > 0
	return due
}

// sendWord sends notifications in one transaction.
func (s *Store) sendWord(due []string) {
	ctx, cancel := context.WithTimeout(context.Background(), wordTimeout)
	defer cancel()
	if _, err := s.pool.Exec(ctx, strings.Join(due, `;`), pgx.QueryExecModeSimpleProtocol); err != nil && !unavailable(err) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "no word could be sent of changes", slog.Any("error", err))
	}
}

// listenForever listens on a channel of Postgres, and connects anew when the connection
// is lost. word gets one whenever there may be news: also each time that it begins to
// listen, for what it did not hear.
func (s *Store) listenForever(ctx context.Context, channel string, word chan<- struct{}) {
	pause := reconnectMin
	for ctx.Err() == nil {
		began := time.Now()
		err := s.listen(ctx, channel, word)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > reconnectMax {
			pause = reconnectMin
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "not told of changes; connecting again",
			slog.String("channel", channel), slog.Any("error", err), slog.Duration("in", pause))
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, reconnectMax)
	}
}

// listen passes notifications on until the connection fails.
func (s *Store) listen(ctx context.Context, channel string, word chan<- struct{}) error {
	conn, err := s.listener(ctx, channel)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		select {
		case word <- struct{}{}:
		default: // one is waiting to be seen already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// listener is a connection that is told of what goes out on a channel.
func (s *Store) listener(ctx context.Context, channel string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, `LISTEN `+channel); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}
