package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/proofback/proofback"
)

// Config says how a Client works; the zero Config is safe and works.
type Config struct {
	// Allow are ranges that may be reached, on any port, although they are not
	// public. Default none.
	Allow []netip.Prefix
	// AllowAddrs are addresses that may be reached, on their one port each, although
	// they are not public. Default none.
	AllowAddrs []netip.AddrPort
	// Ports are those that may be reached at public addresses. Default 80, 443
	// and everything from 1024 on.
	Ports []PortRange
	// Timeout bounds a request from its first look-up to the last byte that is
	// read of its answer. Default 10 s.
	Timeout time.Duration
	// ConnectTimeout bounds look-up and connecting, and once more the TLS
	// handshake. Default 5 s.
	ConnectTimeout time.Duration
	// IdlePerHost is how many idle connections are kept for each host; it should
	// be the number of requests that are made to one at a time. Default 5.
	IdlePerHost int
	// Resolver looks names up; default net.DefaultResolver.
	Resolver *net.Resolver
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// What is read and kept of an answer.
const (
	maxRead   = 64 << 10 // of a body; what follows is not waited for
	maxKept   = 4 << 10  // of a body, and of headers
	maxHeader = 64 << 10 // of all headers together
)

const userAgent = "Proofback/1 (+https://github.com/proofback/proofback)"

// Client makes requests to URLs that partners gave us. It is safe for concurrent
// use, and keeps connections for the next request to the same host.
type Client struct {
	transport *http.Transport
	timeout   time.Duration
	now       func() time.Time
}

// New makes a Client.
func New(c Config) *Client {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.IdlePerHost == 0 {
		c.IdlePerHost = 5
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	dialer := &net.Dialer{
		Timeout:  c.ConnectTimeout,
		Resolver: c.Resolver,
		Control:  newGuard(c).control,
	}
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &Client{
		transport: &http.Transport{
			Proxy:                  nil, // never from the environment: it would dial for us, unguarded
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    c.ConnectTimeout,
			ResponseHeaderTimeout:  c.Timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true, // no small body that becomes a large one
			Protocols:              &http1,
			MaxIdleConns:           1000,
			MaxIdleConnsPerHost:    c.IdlePerHost,
			IdleConnTimeout:        30 * time.Second,
		},
		timeout: c.Timeout,
		now:     c.Now,
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is what is to be sent.
type Request struct {
	Method string
	URL    string
	Header http.Header // User-Agent is set when it is missing
	Body   []byte
}

// Result is what came of a request.
type Result struct {
	At         time.Time
	URL        string // secrets masked
	Outcome    proofback.Outcome
	Status     int    // 0 when there was no answer
	Body       string // at most 4 KB, valid UTF-8 without NUL, the URL's secrets masked
	RetryAfter string // the header, as it came
	Duration   time.Duration
	// Error says in words what went wrong; it holds neither the URL nor an
	// address, so that it can be shown to whoever owns the URL.
	Error string
	proofback.Exchange
}

// Do makes a request, once: no redirect is followed, and nothing is tried again
// but a kept connection that turned out to be closed. The error is not nil only
// when ctx ended before the request did; nothing can then be said of it.
func (c *Client) Do(ctx context.Context, r Request) (Result, error) {
	res := c.newResult(r)
	err := c.exchange(ctx, r, &res, func(resp *http.Response, echoes []echo) {
		res.RetryAfter = resp.Header.Get("Retry-After")
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxRead))
		res.Body = keep(body, echoes)
		if err != nil && !errors.Is(err, io.EOF) && res.Error == "" {
			// The status is the answer; a body that breaks off takes nothing back.
			if res.Error = "the answer's body broke off"; timedOut(err) {
				res.Error = "the answer's body did not end in time"
			}
		}
	})
	return res, err
}

func (c *Client) newResult(r Request) Result {
	return Result{At: c.now().UTC().Truncate(time.Microsecond), URL: proofback.MaskURL(r.URL)}
}

// exchange makes a request, fills res, and has an answer read. Its error is Do's.
func (c *Client) exchange(ctx context.Context, r Request, res *Result, read func(*http.Response, []echo)) error {
	start := time.Now()
	attempt, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	err := c.do(attempt, r, res, read)
	res.Duration = time.Since(start)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// do gives the error of the network, if there was one.
func (c *Client) do(ctx context.Context, r Request, res *Result, read func(*http.Response, []echo)) error {
	u, err := parseURL(r.URL)
	if err != nil {
		res.Outcome, res.Error = proofback.OutcomeInvalidURL, "the URL is not used: "+err.Error()
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, "", bytes.NewReader(r.Body))
	if err != nil {
		res.Outcome, res.Error = proofback.OutcomeInvalidURL, "no request can be made of it"
		return nil
	}
	req.URL, req.Host = u, u.Host
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", userAgent)
	}
	echoes := echoesOf(u)
	res.Exchange = proofback.Exchange{
		Method:         r.Method,
		RequestHeaders: showHeader(req.Header, echoes),
		RequestBody:    keep([]byte(proofback.MaskText(string(r.Body))), echoes),
	}

	var began atomic.Bool // it is told from another goroutine
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { began.Store(true) }}))
	// RoundTrip, not http.Client: no redirects, no cookies.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		res.Outcome, res.Error = classify(err, began.Load())
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// The connection would be ours from here on, and no deadline of the request ends
		// what is read from it.
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	}
	res.Status = resp.StatusCode
	res.Outcome, res.Error = judge(resp.StatusCode)
	res.ResponseHeaders = showHeader(resp.Header, echoes)
	read(resp, echoes)
	return nil
}
