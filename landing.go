package proofback

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Landing is where the visitors of an offer are sent, under one version of its
// terms. It is immutable and safe for use by many goroutines.
type Landing struct {
	landing  *Template
	unnamed  *Template // the landing URL for visits that have no click id
	fallback *Template // nil when there is none
}

// NewLanding reads the URLs of terms.
func NewLanding(t *Terms) (*Landing, error) {
	var l Landing
	var err error
	if l.landing, err = ParseLandingTemplate(t.LandingURL); err != nil {
		return nil, err
	}
	// The fallback's reading is the landing's without an id added.
	if l.unnamed, err = ParseFallbackTemplate(t.LandingURL); err != nil {
		return nil, err
	}
	if t.FallbackURL != "" {
		if l.fallback, err = ParseFallbackTemplate(t.FallbackURL); err != nil {
			return nil, err
		}
	}
	return &l, nil
}

// URL is where a click goes: to the landing page, or when its outcome says that
// it may not, to the fallback; "" when there is none. A visit that is not stored
// (a prefetch) has the click id "": its macro stays empty, and none is added.
func (l *Landing) URL(c *Click, linkCode, clickID string) string {
	t := l.landing
	switch {
	case c.Outcome != ClickRedirected:
		t = l.fallback
	case clickID == "":
		t = l.unnamed
	}
	if t == nil {
		return ""
	}
	const typical = 256
	return string(t.Expand(make([]byte, 0, typical), func(macro string) string {
		return c.landingValue(macro, linkCode, clickID)
	}))
}

// LandingURL derives again where a stored click was sent, from the terms that it
// was made under; "" when that was nowhere.
func LandingURL(t *Terms, c *Click, linkCode, clickID string) string {
	l, err := NewLanding(t)
	if err != nil {
		return ""
	}
	return l.URL(c, linkCode, clickID)
}

// landingValue is what a macro of a landing or fallback URL stands for. It is a
// function of what is stored, so that the URL can be told at any time later.
func (c *Click) landingValue(macro, linkCode, clickID string) string {
	switch macro {
	case "click_id":
		return clickID
	case "affiliate_id":
		return GlobalID(KindAffiliate, c.AffiliateID)
	case "offer_id":
		return GlobalID(KindOffer, c.OfferID)
	case "link_code":
		return linkCode
	case "source":
		return c.Source
	case "creative":
		return c.Creative
	case "country":
		return c.Country
	case "device":
		return strings.ToLower(string(c.Device))
	case "timestamp":
		return strconv.FormatInt(c.At.Unix(), 10)
	case "random":
		return clickRandom(c.ID)
	}
	if n, ok := strings.CutPrefix(macro, "sub"); ok {
		if i, err := strconv.Atoi(n); err == nil && i >= 1 && i <= len(c.Subs) {
			return c.Subs[i-1]
		}
	}
	return ""
}

// clickRandom is a number of at most ten digits that differs from click to click
// and tells nothing: it keeps caches from answering.
func clickRandom(id uuid.UUID) string {
	sum := sha256.Sum256(id[:])
	return strconv.FormatUint(uint64(binary.BigEndian.Uint32(sum[:4])), 10)
}
