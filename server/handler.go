package main

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph"
	"github.com/proofback/proofback/graph/transport"
	"github.com/proofback/proofback/server/auth"
	"github.com/proofback/proofback/server/demo"
	"github.com/proofback/proofback/server/export"
	"github.com/proofback/proofback/server/ingest"
	"github.com/proofback/proofback/server/web"
)

// handler puts everything that the role serves behind one mux, and what holds for
// every request around it.
func (p *program) handler(ctx context.Context) (http.Handler, error) {
	mux := http.NewServeMux()
	p.ready.register(mux)
	p.metrics.register(mux)
	if p.role.ingests() {
		p.registerIngest(mux)
	}
	if p.role.serves() {
		if err := p.registerAPI(ctx, mux); err != nil {
			return nil, err
		}
	}
	return p.around(mux), nil
}

// registerIngest adds what visitors and advertisers call.
func (p *program) registerIngest(mux *http.ServeMux) {
	p.visits.Register(mux)
	postbacks := &ingest.Postbacks{
		Decider:        p.decider,
		Setup:          p.setup,
		Keys:           p.settings.clickKeys,
		TrustedProxies: p.settings.trustedProxies,
		Log:            p.log,
		Now:            p.clock.Now,
	}
	postbacks.Register(mux)
	(&ingest.Pixels{Writer: p.pixels, Keys: p.settings.clickKeys, Now: p.clock.Now}).Register(mux)
}

// registerAPI adds what partners and staff work with, and the demo's pages.
func (p *program) registerAPI(ctx context.Context, mux *http.ServeMux) error {
	api := p.resolver().Handler()
	p.live.Store(&live{p.changes, api})
	mux.Handle("/graphql", cors(p.settings.corsOrigins, p.graphQL(api)))
	files := p.exports()
	downloads := make(places, maxExports)
	files.Register(mux, func(next http.Handler) http.Handler {
		return cors(p.settings.corsOrigins, downloads.guard(busyExports, p.known(files.Refuse, next)))
	})
	admin, err := p.adminJobs(ctx)
	if err != nil {
		return err
	}
	mux.Handle("/admin/", admin)
	if err := p.registerLedger(mux); err != nil {
		return err
	}
	page := web.Handler()
	mux.Handle("GET /{$}", page)
	mux.Handle("GET /assets/", page)
	if p.settings.demo {
		demo.Register(mux, p.publicURL, p.settings.Currency)
	}
	return nil
}

// around puts what holds for every request around a mux.
func (p *program) around(mux *http.ServeMux) http.Handler {
	return &observed{mux: mux, metrics: p.metrics, log: p.log, elsewhere: p.role.elsewhere(), https: strings.HasPrefix(p.publicURL, "https://")}
}

// resolver answers the API.
func (p *program) resolver() *graph.Resolver {
	return &graph.Resolver{
		Store:        p.store,
		Setup:        p.setup,
		Changes:      p.changes,
		Sessions:     p.sessions,
		Accounts:     p.sessions,
		Authenticate: p.gate.Authenticate,
		Address: func(req *http.Request) netip.Addr {
			return ingest.ClientIP(req, p.settings.trustedProxies)
		},
		Limits:    p.settings.limits,
		Origins:   p.settings.corsOrigins,
		ClickKeys: p.settings.clickKeys,
		Auditor:   p.jobs,
		Tester:    p.jobs,
		PublicURL: p.publicURL,
		Log:       p.log,

		EnqueueReportRuns: p.jobs.EnqueueReportRuns,
	}
}

// graphQL serves the API to whoever its access token says. What stays open for long
// takes no place from what is answered at once.
func (p *program) graphQL(api *graph.Endpoint) http.Handler {
	known := p.known(api.Refuse, api)
	guarded := make(places, maxQuestions).guard(busyGraphQL, known)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("Referrer-Policy", "no-referrer")
		if transport.Stays(req) {
			known.ServeHTTP(w, req)
			return
		}
		guarded.ServeHTTP(w, req)
	})
}

// exports are the files to be downloaded.
func (p *program) exports() *export.Exports {
	return &export.Exports{Store: p.store, ClickKeys: p.settings.clickKeys, Actor: graph.ActorFrom, Enqueue: p.jobs.EnqueueReconciliation, Log: p.log}
}

// known tells next who acts, by the access token.
func (p *program) known(refuse func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	known := auth.Middleware(p.gate, refuse, next)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		nobody := proofback.Actor{RequestID: req.Header.Get(requestIDHeader)}
		known.ServeHTTP(w, req.WithContext(graph.WithActor(req.Context(), nobody)))
	})
}
