package jobs

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/jobs/outbound"
)

// auditsAtOnce bounds the audits that run at a time in this process.
const auditsAtOnce = 4

// auditor walks along offers' landing URLs.
type auditor struct {
	store  *db.Store
	client *outbound.Client
	keys   *proofback.ClickKeys
	now    func() time.Time
	slots  chan struct{}
}

func newAuditor(store *db.Store, client *outbound.Client, c Config) *auditor {
	return &auditor{store: store, client: client, keys: c.ClickKeys, now: c.Now, slots: make(chan struct{}, auditsAtOnce)}
}

// Audit walks along the landing URL of an offer, hop by hop, with a click id that
// is genuine in every respect but that its click is stored nowhere, and keeps what
// was seen. It needs Config.ClickKeys.
func (j *Jobs) Audit(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.RedirectAudit, error) {
	return j.auditor.audit(ctx, actor, offer)
}

func (a *auditor) audit(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.RedirectAudit, error) {
	terms, err := a.store.AuditTerms(ctx, actor, offer)
	if err != nil {
		return nil, err
	}
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, proofback.Errorf(proofback.CodeRateLimited, "too many landing pages are being looked at: try again in a moment")
	}
	now := a.now()
	id, err := proofback.NewUUIDv7(now, rand.Reader)
	if err != nil {
		return nil, proofback.Internal("click id of an audit", err)
	}
	audit := &proofback.RedirectAudit{
		ID:           uuid.Must(uuid.NewV7()),
		OfferID:      offer,
		AdvertiserID: terms.AdvertiserID,
		TermsID:      terms.ID,
		At:           now.UTC().Truncate(time.Microsecond),
		ByUser:       actor.UserID,
	}
	clickID := a.keys.Encode(id)
	audit.Hops, err = a.walk(ctx, proofback.LandingURL(terms, visitor(id, terms), "audit", clickID), clickID)
	if err != nil {
		return nil, err
	}
	return audit, a.store.RecordAudit(ctx, actor, audit)
}

// visitor makes up a click that the offer would take.
func visitor(id uuid.UUID, terms *proofback.Terms) *proofback.Click {
	c := &proofback.Click{
		ID: id, At: proofback.UUIDTime(id), OfferID: terms.OfferID, AdvertiserID: terms.AdvertiserID, AffiliateID: id, TermsID: terms.ID,
		Country: "DE", Device: proofback.DeviceDesktop, Source: "audit", Creative: "audit",
	}
	if list := terms.Targeting.Countries; len(list) > 0 {
		c.Country = list[0]
	}
	for i := range c.Subs {
		c.Subs[i] = "audit"
	}
	return c
}

// browserHeader has trackers treat the request as a visitor's, though it says
// whose it is.
var browserHeader = http.Header{
	"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 (compatible; Proofback/1; +https://github.com/proofback/proofback)"},
	"Accept":     {"text/html,application/xhtml+xml,*/*;q=0.8"},
}

// walk gets one page after the other, each through the guard that keeps requests
// away from what is not public. It keeps no cookies: a visitor may have none.
func (a *auditor) walk(ctx context.Context, at, clickID string) ([]proofback.Hop, error) {
	within, cancel := context.WithTimeout(ctx, proofback.MaxAuditTime)
	defer cancel()
	var hops []proofback.Hop
	seen := map[string]bool{}
	for at != "" {
		seen[at] = true
		page, err := a.client.Visit(within, at, browserHeader)
		if err != nil && ctx.Err() != nil {
			return nil, err // the caller has gone
		}
		hop := proofback.Hop{URL: page.URL, Form: proofback.FindClickID(at, clickID), Status: page.Status, Duration: page.Duration}
		var next, leads string
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			hop.Error = "there was no answer within the time that all hops have together"
		case page.Status == 0:
			hop.Error = page.Error
		default:
			next, leads = onward(at, &page)
			hop.Location = proofback.MaskURL(leads)
			hop.Error = brokenOff(next, leads, len(hops)+1, seen)
		}
		hops = append(hops, hop)
		if hop.Error != "" {
			break
		}
		at = next
	}
	return hops, nil
}

// onward tells where a page leads: as a URL, "" for nowhere or one that cannot be
// read, and as it says so itself.
func onward(at string, page *outbound.Page) (next, leads string) {
	switch page.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		leads = page.Location
	default:
		if leads = proofback.RefreshURL(page.Refresh); leads == "" {
			leads = proofback.MetaRefresh(page.HTML)
		}
	}
	if leads == "" {
		return "", ""
	}
	base, err := url.Parse(at)
	if err != nil {
		return "", leads
	}
	to, err := base.Parse(leads)
	if err != nil {
		return "", leads
	}
	to.Fragment, to.RawFragment = fragment(to, base)
	return to.String(), leads
}

// fragment is that of a redirect's target or, where it has none, that of the URL
// before it: browsers carry it on (RFC 9110, section 10.2.2).
func fragment(to, from *url.URL) (plain, raw string) {
	if to.Fragment != "" {
		return to.Fragment, to.RawFragment
	}
	return from.Fragment, from.RawFragment
}

// brokenOff says why a walk cannot go on, "" when it can or has reached its page.
func brokenOff(next, leads string, hops int, seen map[string]bool) string {
	switch {
	case leads == "":
		return ""
	case next == "":
		return "where it leads is not a URL"
	case seen[next]:
		return "it leads in a circle: perhaps it waits for a cookie"
	case hops == proofback.MaxHops:
		return "there are more redirects than browsers follow with patience"
	}
	return ""
}
