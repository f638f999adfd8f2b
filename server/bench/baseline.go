package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/proofback/proofback"
)

// What we are compared to. All but the INSERTs of load.InsertTraffic are servers.
const (
	baselineBare   = "net/http, nothing stored"
	baselineInsert = "one INSERT each"
	baselineNaive  = "seven statements each"
)

// baselineSource marks what baselines store.
const baselineSource = "baseline"

// baselineSpec says which baseline to be.
type baselineSpec struct {
	Name        string
	URL         string // of Postgres
	Connections int    // to it
	Link        proofback.Click
	Secret      []byte // of click ids
	Pages       []statements
}

// NewServer makes the program's own server around a handler: with the limits that
// it holds callers to, which cost time as well.
type NewServer func(http.Handler) *http.Server

// BaselineCommand is a baseline's process.
type BaselineCommand struct{}

// Run serves what standard input says until it is told to end.
func (BaselineCommand) Run(out io.Writer, newServer NewServer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var spec baselineSpec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return err
	}
	handler, err := spec.handler(ctx)
	if err != nil {
		return err
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := newServer(handler)
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if _, err := fmt.Fprintf(out, "http://%s\n", l.Addr()); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (spec *baselineSpec) handler(ctx context.Context) (http.Handler, error) {
	mux := http.NewServeMux()
	if spec.Name == baselineBare {
		mux.HandleFunc("GET /c/{code}", redirect)
		return mux, nil
	}
	c, err := pgxpool.ParseConfig(spec.URL)
	if err != nil {
		return nil, err
	}
	c.MaxConns = int32(spec.Connections)
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	if spec.Name == baselineRiver {
		return startBareRiver(ctx, pool)
	}
	if spec.Name == baselineReplay || spec.Name == baselineReplayBound {
		mux.Handle("GET /page", &replaying{pool, spec.Pages})
		return mux, nil
	}
	if spec.Name == baselineNaive {
		return newNaive(pool, spec.Secret)
	}
	mux.Handle("GET /c/{code}", &inserting{pool, spec.Link})
	return mux, nil
}

// redirect answers as a click is answered.
func redirect(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("X-Request-Id", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Cache-Control", "no-store, private")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Location", "https://shop.example/landing?click_id=Z0000000000000000000000000000000000000000&pid=QWZmaWxpYXRlOjAxOTM0ZjJh&s=campaign-7&src=newsletter")
	w.WriteHeader(http.StatusFound)
}

// inserting stores each click by itself, in a prepared statement on one of many
// connections.
type inserting struct {
	pool *pgxpool.Pool
	link proofback.Click
}

const insertClick = `
	INSERT INTO clicks (id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id,
		outcome, flags, bot, device, ip, source, creative, sub1, sub2)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, false, 'DESKTOP', $10, $11, $12, $13, $14)`

func (h *inserting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	id := proofback.UUIDFloor(now)
	random(id[9:])
	q := r.URL.Query()
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	_, err := h.pool.Exec(r.Context(), insertClick, id, now, h.link.LinkID, h.link.OfferID, h.link.AffiliateID, h.link.AdvertiserID, h.link.TermsID,
		textID(r.UserAgent()), textID(r.Referer()), peer.Addr(), baselineSource, q.Get("creative"), q.Get("sub1"), q.Get("sub2"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	redirect(w, r)
}

// textID is what a click keeps of a text. The texts themselves are not stored
// here, which a real one would have to do.
func textID(s string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s)
	return int64(h.Sum64())
}

// serveBaseline starts a baseline.
func (s *suite) serveBaseline(ctx context.Context, name string) (*child, error) {
	links, err := s.bed.links(ctx)
	if err != nil {
		return nil, err
	}
	connections := slices.Max(s.Connections)
	if name == baselineRiver {
		connections = bareConnections
	}
	return start(ctx, os.Environ(), baselineSpec{
		Name:        name,
		URL:         s.bed.cluster.URL(),
		Connections: connections,
		Link:        storedClick(&s.bed.Clicks, links, 0),
		Secret:      s.bed.Clicks.Secret,
	}, "bench-baseline")
}
