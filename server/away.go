package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/proofback/proofback/server/ingest"
)

// How long is waited between two attempts to go on with a start that found no
// Postgres.
const (
	joinPauseMin = time.Second
	joinPauseMax = 10 * time.Second
)

// restoreSetup takes the set-up that an earlier start kept. Where there is none, or
// the role takes no clicks, the program cannot do anything without Postgres, and
// why that cannot be reached is the error.
func (p *program) restoreSetup(context.Context) error {
	if p.settings.spoolBytes == 0 || !p.role.ingests() {
		return p.unreached
	}
	var err error
	p.setup, p.network, err = p.store.RestoreSetup(p.settings.setupPath())
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.log.Error("the set-up that was kept for a start without postgres cannot be used", "error", err)
		}
		return p.unreached
	}
	return nil
}

// startAway starts what can be done without Postgres, which is taking clicks, and
// goes on with the rest once it is there.
func (p *program) startAway(ctx context.Context) error {
	later := &lifecycle{log: p.log}
	hold := func(context.Context) error {
		p.life.onStop("what waited for postgres", later.stop)
		return nil
	}
	err := p.steps(ctx, p.restoreSetup, p.openSpool, p.openAuth, hold, p.openClicks, p.openPixels, p.serveProfiles, p.serveAway, p.serveHTTP)
	if err != nil {
		return err
	}
	p.log.Warn("postgres cannot be reached: until it can, clicks are kept in the spool, and everything else is refused", "error", p.unreached)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.joinForever(ctx, later)
	}()
	p.life.onStop("the start", func(context.Context) error {
		cancel()
		<-ended
		return nil
	})
	return nil
}

// joinForever goes on with the start until it succeeds or ctx ends.
func (p *program) joinForever(ctx context.Context, later *lifecycle) {
	said := oneLine(p.unreached)
	for pause := joinPauseMin; ; pause = min(2*pause, joinPauseMax) {
		err := p.join(ctx, later)
		if err == nil || ctx.Err() != nil {
			return
		}
		if line := oneLine(err); line != said {
			p.log.Warn("the start cannot go on yet", "error", line)
			said = line
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
	}
}

// join starts what waited for Postgres: all of it, or nothing that stays.
func (p *program) join(ctx context.Context, later *lifecycle) error {
	j := *p
	j.life = &lifecycle{log: p.log}
	err := j.steps(ctx, j.settings.probeDatabase, j.prepareDatabase, j.checkNetwork, j.setup.Refresh,
		j.beginRates, j.keepSetupFresh, j.openJobs, j.loadDemo, j.awaitRates, j.openDecider, j.openChanges, j.serveAll)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return errors.Join(err, j.life.stop(ctx))
	}
	later.steps = j.life.steps
	p.clicks.Reached()
	p.log.Info("postgres can be reached: everything is served")
	return nil
}

// checkNetwork makes sure that clicks which were made by a kept set-up get into
// the database that it is of.
func (p *program) checkNetwork(ctx context.Context) error {
	kept := p.network
	if err := p.findNetwork(ctx); err != nil {
		return err
	}
	if p.network != kept {
		return wrong("DATABASE_URL", "leads to another network than the one whose set-up is kept in %s, by which clicks have been taken since the start: expected that network's database", p.settings.setupPath())
	}
	return nil
}

// serveAway has served what can be served without Postgres.
func (p *program) serveAway(context.Context) error {
	p.ready.waiting.Store(true)
	mux := http.NewServeMux()
	p.ready.register(mux)
	p.metrics.register(mux)
	p.visits.Register(mux)
	(&ingest.Pixels{Writer: p.pixels, Keys: p.settings.clickKeys, Now: p.clock.Now}).Register(mux)
	refuse := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintln(w, `{"result":"unavailable","reason":"UNAVAILABLE","message":"the database is away: nothing was stored, send it again"}`)
	}
	mux.HandleFunc("/", refuse)
	mux.HandleFunc("/postback", refuse) // as routes of their own: an alert asks by them how many are refused
	mux.HandleFunc("/postback/{key}", refuse)
	p.serve(p.around(mux))
	return nil
}
