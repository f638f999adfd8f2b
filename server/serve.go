package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/spool"
	"github.com/proofback/proofback/jobs"
	"github.com/proofback/proofback/server/auth"
	"github.com/proofback/proofback/server/ingest"
)

type serveCommand struct {
	// Role is the part of the work that this process does: all, ingest (clicks,
	// postbacks, pixels), api (GraphQL, exports, pages) or worker (jobs). Default
	// all. The demo network is loaded by the roles that serve its pages, all and
	// api; somewhere on a database there must be each of the others as well.
	Role string `env:"PROOFBACK_ROLE" placeholder:"ROLE" help:"Part of the work: all, ingest, api or worker (default all)."`

	wall func() time.Time // the machine's clock; nil for time.Now
}

// Run serves until it is interrupted.
func (c serveCommand) Run(s *Settings, out io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := s.requireSecret(); err != nil {
		return err
	}
	role, err := s.roleOf(c.Role)
	if err != nil {
		return err
	}
	ctx, cancel := interrupted(context.Background())
	defer cancel()
	p := &program{settings: s, role: role, log: newLog(os.Stderr, s.logLevel), metrics: newMetrics(role), ready: &readiness{role: role}, serving: &atomic.Pointer[http.Handler]{}, live: &atomic.Pointer[live]{}}
	warnOfUnknown(p.log, os.Environ())
	p.life = &lifecycle{log: p.log}
	p.clock = newClock(c.wall, p.log)
	err = p.start(ctx)
	switch {
	case err == nil:
		p.announce(out)
		err = p.wait(ctx)
	case ctx.Err() != nil:
		err = nil // interrupted while it was starting: that is what was asked for
	}
	stopCtx, cancelStop := context.WithTimeout(context.Background(), stopTimeout)
	defer cancelStop()
	return errors.Join(err, p.life.stop(stopCtx))
}

// program is what serve has started.
type program struct {
	settings *Settings
	role     role
	log      *slog.Logger
	metrics  *metrics
	vitals   *vitals
	life     *lifecycle
	clock    *proofback.Clock // of what comes from outside: clicks, postbacks, pixels

	listener  net.Listener
	publicURL string
	ready     *readiness
	serving   *atomic.Pointer[http.Handler] // what requests go to
	unreached error                         // why Postgres could not be reached at the start; nil when it could
	rates     chan error                    // the shipped rates are loaded, or could not be
	failed    chan error                    // HTTP has ended by itself

	store    *db.Store
	network  string // what the database holds, by its own name
	spool    *spool.Spool
	gate     *auth.Gate
	sessions *auth.Sessions
	setup    *db.Setup
	clicks   *db.ClickWriter
	visits   *ingest.Clicks
	decider  *db.Decider
	jobs     *jobs.Jobs
	pixels   *db.PixelWriter
	changes  *db.Changes
	live     *atomic.Pointer[live] // what is open for long; nothing where no API is served
}

// start starts one part after the other. What was started is ended by p.life,
// whether start fails or not. The listener comes first: a port in use is told
// before anything is touched, and nobody is refused while the rest starts.
func (p *program) start(ctx context.Context) error {
	var err error
	if p.listener, err = p.settings.listen(ctx); err != nil {
		return err
	}
	p.life.onStop("listener", func(context.Context) error {
		_ = p.listener.Close() // the HTTP server has, where it was started
		return nil
	})
	p.publicURL = p.settings.publicURL(p.listener.Addr())
	if err := p.openDatabase(ctx); err != nil {
		return err
	}
	if p.unreached != nil {
		return p.startAway(ctx)
	}
	return p.steps(ctx, p.prepareDatabase, p.findNetwork, p.openSpool, p.openAuth, p.beginRates, p.openSetup, p.openJobs, p.loadDemo,
		p.awaitRates, p.openDecider, p.openClicks, p.openPixels, p.openChanges, p.serveProfiles, p.serveAll, p.serveHTTP)
}

// steps takes one step after the other, until one fails.
func (p *program) steps(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openAuth makes what tells who acts.
func (p *program) openAuth(context.Context) error {
	tokens, err := p.settings.tokens(p.log)
	p.gate = &auth.Gate{Tokens: tokens, Store: p.store}
	p.sessions = &auth.Sessions{Store: p.store, Tokens: tokens}
	return err
}

func (s *Settings) tokens(log *slog.Logger) (*auth.Tokens, error) {
	c := auth.TokenConfig{Key: []byte(s.JWTSecret), Issuer: s.JWTIssuer, Audience: s.JWTAudience}
	if s.JWKSURL != "" {
		c.Keys = &auth.KeySet{URL: s.JWKSURL, Log: log}
	}
	return auth.NewTokens(c)
}

// openJobs makes what enqueues jobs, and starts the workers where the role wants
// them. They end after all that gives them work.
func (p *program) openJobs(ctx context.Context) error {
	c := jobs.Config{
		InsertOnly:  !p.role.works(),
		Setup:       p.setup,
		RatesURL:    p.settings.RatesURL,
		Retention:   p.settings.retention,
		KeepReports: p.settings.keepReports,
		ClickKeys:   p.settings.clickKeys,
		Outbound:    p.outbound(),
		Retry:       p.settings.retries,
		Mail:        p.settings.mail,
		AppURL:      p.settings.AppURL,
		Observe:     p.metrics.attempt,
		StopTimeout: drainTimeout / 2,
		Log:         slog.New(atLeast{p.log.Handler(), slog.LevelWarn}),
	}
	if p.role.works() {
		if err := p.sealLedger(&c); err != nil {
			return err
		}
	}
	var err error
	if p.jobs, err = jobs.New(p.store, c); err != nil {
		return err
	}
	if err := p.jobs.Start(ctx); err != nil {
		return err
	}
	p.life.onStop("jobs", p.jobs.Stop)
	return nil
}

// beginRates loads the reference rates that came with the program, while other
// parts start: it takes a second, the first time.
func (p *program) beginRates(ctx context.Context) error {
	p.rates = make(chan error, 1)
	go func() {
		_, err := p.store.LoadShippedRates(ctx, proofback.System())
		p.rates <- err
	}()
	return nil
}

// awaitRates makes sure that the rates are there before anything is judged by them.
func (p *program) awaitRates(context.Context) error {
	if err := <-p.rates; err != nil {
		return fmt.Errorf("load the reference rates: %w", err)
	}
	return nil
}

// openSetup keeps the set-up in memory from now on.
func (p *program) openSetup(ctx context.Context) error {
	var err error
	if p.setup, err = p.store.NewSetup(ctx); err != nil {
		return err
	}
	return p.keepSetupFresh(ctx)
}

func (p *program) keepSetupFresh(ctx context.Context) error {
	if p.settings.spoolBytes > 0 && p.role.ingests() {
		p.setup.KeepIn(p.settings.setupPath(), p.network)
	}
	return p.keepRunning(ctx, "set-up", p.setup.Run)
}

// openDecider makes what decides postbacks.
func (p *program) openDecider(context.Context) error {
	if !p.role.ingests() {
		return nil
	}
	p.decider = p.store.NewDecider(p.setup, db.DeciderConfig{Observe: p.metrics.batch(batchPostbacks)})
	p.metrics.queue(batchPostbacks, p.decider.QueueLength, p.decider.QueueLimit())
	p.metrics.queue(postbackBytes, p.decider.QueueBytes, p.decider.QueueLimitBytes())
	p.life.onStop("postbacks", func(context.Context) error {
		p.decider.Close()
		return nil
	})
	return nil
}

// openPixels makes what takes pixels.
func (p *program) openPixels(context.Context) error {
	if !p.role.ingests() {
		return nil
	}
	p.pixels = p.store.NewPixelWriter(db.PixelWriterConfig{Observe: p.metrics.batch(batchPixels)})
	p.metrics.queue(batchPixels, p.pixels.QueueLength, p.pixels.QueueLimit())
	p.metrics.dropped(batchPixels, p.pixels.Dropped)
	p.life.onStop("pixels", p.pixels.Close)
	return nil
}

// serveAll has everything served.
func (p *program) serveAll(ctx context.Context) error {
	all, err := p.handler(ctx)
	if err != nil {
		return err
	}
	p.serve(all)
	p.ready.waiting.Store(false)
	return nil
}

// serve has requests answered by h from now on.
func (p *program) serve(h http.Handler) { p.serving.Store(&h) }

// serveHTTP answers requests from now on.
func (p *program) serveHTTP(context.Context) error {
	server := newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.ready.leaving.Load() {
			w.Header().Set("Connection", "close") // rather than being cut between two requests
		}
		(*p.serving.Load()).ServeHTTP(w, r)
	}), p.log)
	silent := &silentConns{}
	callers := newCallers(p.listener, newBound(maxConnections(), p.log))
	server.ConnContext = callers.context
	server.ConnState = func(c net.Conn, state http.ConnState) {
		silent.note(c, state)
		callers.note(c, state)
	}
	p.failed = make(chan error, 1)
	go func() {
		if err := server.Serve(callers); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- fmt.Errorf("http: %w", err)
		}
	}()
	p.life.onStop("http", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, drainTimeout)
		defer cancel()
		return stopHTTP(ctx, server, silent)
	})
	p.life.onStop("subscriptions", endLive(p.live))
	p.life.onStop("readiness", func(context.Context) error {
		p.ready.leaving.Store(true)
		return nil
	})
	return nil
}

// newClock makes the clock of what comes from outside, on the machine's.
func newClock(wall func() time.Time, log *slog.Logger) *proofback.Clock {
	if wall == nil {
		wall = time.Now
	}
	return proofback.NewClock(wall, func(by time.Duration) {
		log.Warn("the machine's clock was set back: clicks and postbacks are dated as if it stood, until it has caught up or this program is started again", "by", by.String())
	})
}

// wait returns when the program is to end.
func (p *program) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case err := <-p.failed:
		return err
	}
	p.ready.leaving.Store(true)
	linger := time.Duration(0)
	if signalOf(ctx) == syscall.SIGTERM {
		linger = p.settings.stopDelay
	}
	p.log.Info("stopping", "serving_for", linger.String(), "within", (linger + stopTimeout).String())
	select {
	case <-time.After(linger):
		return nil
	case err := <-p.failed:
		return err
	}
}
