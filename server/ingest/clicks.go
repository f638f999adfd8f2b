package ingest

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// ClicksConfig is what Clicks work with.
type ClicksConfig struct {
	Setup  *db.Setup
	Writer *db.ClickWriter
	Keys   *proofback.ClickKeys
	// TrustedProxies are those whose X-Forwarded-For and country are believed.
	TrustedProxies []netip.Prefix
	// CountryHeader is the header in which trusted proxies tell the visitor's
	// country (CF-IPCountry); "" for none. It goes before GeoIP.
	CountryHeader string
	// GeoIP tells countries by address; nil for none.
	GeoIP *GeoIP
	// Log takes faults of ours; default slog.Default().
	Log *slog.Logger
	// Now is the clock, and Random where ids come from; defaults time.Now and
	// crypto/rand, read in blocks.
	Now    func() time.Time
	Random io.Reader
}

// Clicks serves tracking links: it makes a click, has it stored, and then sends
// the visitor on.
type Clicks struct {
	ClicksConfig
	agents *knownAgents
}

// NewClicks makes the handlers.
func NewClicks(c ClicksConfig) *Clicks {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = &proofback.RandomBlocks{From: rand.Reader}
	}
	return &Clicks{c, newKnownAgents()}
}

// Register adds the routes to mux.
func (h *Clicks) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /c/{code}", h.visit) // and HEAD
	mux.HandleFunc("POST /clicks", h.direct)
	mux.HandleFunc("OPTIONS /clicks", h.preflight)
}

// What stands in the answer to every visit is shared by all of them.
var (
	noStore = []string{"no-store, private"}
	noIndex = []string{"noindex"}
)

// visit answers GET and HEAD /c/{code}.
func (h *Clicks) visit(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header["Cache-Control"] = noStore
	header["X-Robots-Tag"] = noIndex
	link, err := h.Setup.Link(r.Context(), r.PathValue("code"))
	if proofback.CodeOf(err) == proofback.CodeNotFound {
		writePage(w, http.StatusNotFound, pageUnknown)
		return
	}
	if err != nil {
		h.unavailable(w, r, err)
		return
	}
	click, err := h.newClick(link, h.visitor(r))
	if err != nil {
		h.unavailable(w, r, err)
		return
	}
	readQuery(click, r.URL.RawQuery)

	clickID, stored := "", r.Method != http.MethodHead && !isPrefetch(r.Header)
	if stored {
		clickID = h.Keys.Encode(click.ID)
	}
	// What can be done before waiting is: afterwards all of a batch want a processor
	// at once, which has forgotten them.
	target := link.Landing.URL(click, link.Code, clickID)
	if stored {
		judged := click.Outcome
		// A visitor who leaves meanwhile is not looked out for: the writer has a
		// time limit of its own, and to wait for one thing costs less than for two.
		if err := h.Writer.Write(context.WithoutCancel(r.Context()), click); err != nil {
			h.unavailable(w, r, err)
			return
		}
		if click.Outcome != judged { // a cap was reached
			target = link.Landing.URL(click, link.Code, clickID)
		}
	}
	if target == "" {
		writePage(w, http.StatusNotFound, pageClosed)
		return
	}
	header["Location"] = []string{target}
	w.WriteHeader(http.StatusFound)
}

// newClick makes the click of a visitor on a link, judged but not stored.
func (h *Clicks) newClick(link *db.Link, v visitor) (*proofback.Click, error) {
	id, err := proofback.NewUUIDv7(h.Now(), h.Random)
	if err != nil {
		return nil, proofback.Internal("click id", err)
	}
	agent := h.agent(v.userAgent)
	c := &proofback.Click{
		ID:           id,
		At:           proofback.UUIDTime(id),
		LinkID:       link.ID,
		OfferID:      link.Terms.OfferID,
		AffiliateID:  link.Affiliate.ID,
		AdvertiserID: link.Advertiser.ID,
		TermsID:      link.Terms.ID,
		Bot:          agent.bot,
		Country:      v.country,
		Device:       agent.device,
		IP:           v.ip,
		UserAgent:    v.userAgent,
		Referrer:     v.referrer,
	}
	if v.userAgent == "" {
		c.Flags |= proofback.FlagNoUserAgent
	}
	if v.country == "" && len(link.Terms.Targeting.Countries) > 0 {
		c.Flags |= proofback.FlagUnknownCountry
	}
	c.Outcome = link.Judge(c.Country, c.Device)
	return c, nil
}

// isPrefetch reports whether a browser only looks ahead: nobody has clicked yet.
func isPrefetch(h http.Header) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, purpose := range h[name] {
			purpose = strings.ToLower(purpose)
			if strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender") || strings.Contains(purpose, "preview") {
				return true
			}
		}
	}
	return false
}

// unavailable answers a visitor whose click could not be stored.
func (h *Clicks) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	h.logFault(r.Context(), err)
	w.Header().Set("Retry-After", retryAfter)
	writePage(w, http.StatusServiceUnavailable, pageUnavailable)
}

// logFault logs what nobody has logged yet: that Postgres is away is told once
// for all who suffer from it.
func (h *Clicks) logFault(ctx context.Context, err error) {
	if proofback.CodeOf(err) != proofback.CodeUnavailable {
		h.Log.LogAttrs(ctx, slog.LevelError, "a click could not be made", slog.Any("error", err))
	}
}
