package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits of a connection: what is slower or larger is not a partner's software.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// listen takes the address, so that a port in use is known before anything is said.
func (s *Settings) listen(ctx context.Context) (net.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", s.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, wrong("PROOFBACK_ADDR", "is %q, and another program listens there already: stop it, or choose another port", s.Addr)
	case err != nil:
		return nil, wrong("PROOFBACK_ADDR", "is %q, which cannot be listened on (%s): expected an address of this machine", s.Addr, oneLine(err))
	}
	return l, nil
}

// publicURL is the base of the links that are handed out, given where HTTP is served.
func (s *Settings) publicURL(at net.Addr) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return s.ownURL(at)
}

// ownURL is where this very process serves.
func (s *Settings) ownURL(at net.Addr) string {
	host, _, _ := net.SplitHostPort(s.Addr)
	_, port, _ := net.SplitHostPort(at.String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // mostly of callers who broke off,
	}
}

// silentTimeout is how long a connection that was opened ahead may still say
// something when no more connections are taken.
const silentTimeout = time.Second

// stopHTTP takes no more connections and waits for the requests in flight; those
// that outlast ctx are cut off.
func stopHTTP(ctx context.Context, server *http.Server, silent *silentConns) error {
	closing := time.AfterFunc(silentTimeout, silent.close)
	defer closing.Stop()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were cut off: %w", errors.Join(err, server.Close()))
	}
	return nil
}
