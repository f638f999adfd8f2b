package db

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// How Run paces itself.
const (
	// refreshPause lets the notifications of one change arrive together.
	refreshPause = 10 * time.Millisecond
	// refreshShare is the part of the time that reading may take while changes
	// keep coming: one in five …
	refreshShare = 4
	// … as long as changes show within this.
	refreshPauseMax = 500 * time.Millisecond
	// refreshAnyway is the safety net under lost notifications.
	refreshAnyway = 30 * time.Second

	reconnectMin = 50 * time.Millisecond
	reconnectMax = 5 * time.Second
)

// Run keeps the snapshot fresh until ctx ends. While Postgres is away the
// snapshot stays as it was.
func (u *Setup) Run(ctx context.Context) {
	listened := make(chan struct{})
	go func() {
		defer close(listened)
		u.listenForever(ctx)
	}()
	defer func() { <-listened }()
	if u.file != nil {
		kept := make(chan struct{})
		go func() {
			defer close(kept)
			u.keepForever(ctx)
		}()
		defer func() { <-kept }()
	}

	anyway := time.NewTicker(refreshAnyway)
	defer anyway.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-anyway.C:
		case <-u.changed:
			pause := min(refreshPause+refreshShare*u.lastTook(), refreshPauseMax)
			if !wait(ctx, pause) {
				return
			}
		}
		select {
		case <-u.changed: // this refresh sees it
		default:
		}
		if err := u.Refresh(ctx); err != nil && ctx.Err() == nil {
			u.store.log.LogAttrs(ctx, slog.LevelWarn, "the set-up could not be read; the last one stays in use", slog.Any("error", err))
		}
	}
}

func (u *Setup) lastTook() time.Duration {
	u.loading <- struct{}{}
	defer func() { <-u.loading }()
	return u.took
}

// listenForever listens for changes, and connects anew when the connection is lost.
func (u *Setup) listenForever(ctx context.Context) {
	pause := reconnectMin
	for ctx.Err() == nil {
		began := time.Now()
		err := u.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > reconnectMax {
			pause = reconnectMin
		}
		u.store.log.LogAttrs(ctx, slog.LevelWarn, "not told of set-up changes; connecting again", slog.Any("error", err), slog.Duration("in", pause))
		if !wait(ctx, pause) {
			return
		}
		pause = min(2*pause, reconnectMax)
	}
}

// listen passes notifications on until the connection fails. What changed
// before it listened counts as a change.
func (u *Setup) listen(ctx context.Context) error {
	conn, err := u.listener(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for {
		select {
		case u.changed <- struct{}{}:
		default: // one is waiting to be seen already
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
	}
}

// listener is a connection that is told of changes.
func (u *Setup) listener(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, u.store.pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, `LISTEN proofback_setup`); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// wait reports whether d passed before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
