package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
)

// checkPprof wants an address that only this machine reaches: a profile tells
// more about the program than a stranger should know, and costs it time.
func (s *Settings) checkPprof() error {
	if s.PprofAddr == "" {
		return nil
	}
	at, err := netip.ParseAddrPort(s.PprofAddr)
	if err != nil || !at.Addr().IsLoopback() {
		return wrong("PROOFBACK_PPROF_ADDR", "is %q: expected a loopback address and a port, such as 127.0.0.1:6060", s.PprofAddr)
	}
	return nil
}

// serveProfiles serves pprof where it is wanted, apart from everything else.
func (p *program) serveProfiles(ctx context.Context) error {
	if p.settings.PprofAddr == "" {
		return nil
	}
	var c net.ListenConfig
	listener, err := c.Listen(ctx, "tcp", p.settings.PprofAddr)
	if err != nil {
		return wrong("PROOFBACK_PPROF_ADDR", "is %q, which cannot be listened on (%s): expected one that is free", p.settings.PprofAddr, oneLine(err))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout} // a profile takes as long as it is asked to
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.log.Error("profiles are not served any more", "error", err)
		}
	}()
	p.life.onStop("profiles", func(context.Context) error { return server.Close() })
	return nil
}
