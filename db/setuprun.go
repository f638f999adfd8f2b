package db

import (
	"context"
	"log/slog"
	"time"
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
		u.store.listenForever(ctx, "proofback_setup", u.changed)
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
