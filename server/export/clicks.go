package export

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// subColumns are sub1 to sub10.
var subColumns = func() []string {
	names := make([]string, 10)
	for i := range names {
		names[i] = "sub" + strconv.Itoa(i+1)
	}
	return names
}()

func (e *Exports) clicks(ctx context.Context, actor proofback.Actor, p *params, f *file) error {
	filter := proofback.ClickFilter{
		TimeRange:   proofback.TimeRange{From: p.time("from"), To: p.time("to")},
		OfferID:     p.id(proofback.KindOffer, "offerId"),
		AffiliateID: p.id(proofback.KindAffiliate, "affiliateId"),
		ClickID:     e.clickID(p),
		Country:     p.text("country"),
		Device:      oneOf(p, "device", proofback.DeviceDesktop, proofback.DeviceMobile, proofback.DeviceTablet, proofback.DeviceOther),
		Bot:         p.bool("bot"),
	}
	if tests := p.bool("tests"); tests != nil {
		filter.Tests = *tests
	}
	filter.SubIndex, filter.SubValue = p.sub()
	page := proofback.Page{Limit: pageRows, After: p.after()}
	if err := p.err(); err != nil {
		return err
	}
	for {
		w, err := e.Store.Clicks(ctx, actor, filter, page)
		if err != nil {
			return err
		}
		names, err := namesOf(ctx, e, actor, w.Items, func(c *proofback.Click) (offer, affiliate, advertiser uuid.UUID) {
			return c.OfferID, c.AffiliateID, c.AdvertiserID
		})
		if err != nil {
			return err
		}
		if !f.begun {
			columns := []string{
				"click_id", "at", "outcome", "bot", "flags", "offer_id", "offer", "affiliate_id", "affiliate",
				"advertiser_id", "advertiser", "country", "device", "os", "browser", "ip", "source", "creative",
			}
			if err := f.begin("clicks.csv", slices.Concat(columns, subColumns, []string{"cursor"})); err != nil {
				return err
			}
		}
		for _, c := range w.Items {
			at := proofback.Cursor{ID: c.ID}
			if err := f.row(append(e.clickCells(c, names), at.String())); err != nil {
				return err
			}
			page.After = &at
		}
		if err := f.flush(); err != nil || !w.HasMore {
			return err
		}
	}
}

func (e *Exports) clickCells(c *proofback.Click, names names) []string {
	_, os, browser := proofback.ParseUserAgent(c.UserAgent)
	ip := ""
	if c.IP.IsValid() {
		ip = c.IP.String()
	}
	return append([]string{
		e.ClickKeys.Encode(c.ID), moment(c.At), c.Outcome.String(), strconv.FormatBool(c.Bot), strings.Join(c.Flags.Names(), " "),
		globalID(proofback.KindOffer, c.OfferID), names[c.OfferID],
		globalID(proofback.KindAffiliate, c.AffiliateID), names[c.AffiliateID],
		globalID(proofback.KindAdvertiser, c.AdvertiserID), names[c.AdvertiserID],
		c.Country, string(c.Device), os, browser, ip, c.Source, c.Creative,
	}, c.Subs[:]...)
}

// clickID reads a click id as advertisers know it. One that is damaged or not ours
// finds nothing.
func (e *Exports) clickID(p *params) uuid.UUID {
	text := p.text("clickId")
	if text == "" {
		return uuid.Nil
	}
	id, state := e.ClickKeys.Parse(text)
	if state != proofback.ClickIDWhole {
		return uuid.Max // no UUIDv7, so no click's
	}
	return id
}

// names are what things are called, by id.
type names map[uuid.UUID]string

// namesOf looks up what a page's rows belong to, as far as the actor may see it.
func namesOf[T any](ctx context.Context, e *Exports, actor proofback.Actor, rows []T, ids func(T) (offer, affiliate, advertiser uuid.UUID)) (names, error) {
	sets := [3]map[uuid.UUID]bool{{}, {}, {}}
	for _, row := range rows {
		offer, affiliate, advertiser := ids(row)
		sets[0][offer], sets[1][affiliate], sets[2][advertiser] = true, true, true
	}
	var lists [3][]uuid.UUID
	for i, set := range sets {
		for id := range set {
			lists[i] = append(lists[i], id)
		}
	}
	found := names{}
	if len(rows) == 0 {
		return found, nil
	}
	offers, err := e.Store.OffersByID(ctx, actor, lists[0])
	if err != nil {
		return nil, err
	}
	for id, o := range offers {
		found[id] = o.Terms.Name
	}
	affiliates, err := e.Store.AffiliatesByID(ctx, actor, lists[1])
	if err != nil {
		return nil, err
	}
	for id, a := range affiliates {
		found[id] = a.Name
	}
	advertisers, err := e.Store.AdvertisersByID(ctx, actor, lists[2])
	for id, a := range advertisers {
		found[id] = a.Name
	}
	return found, err
}

// moment writes a time as GraphQL does.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// globalID is empty for what there is not.
func globalID(k proofback.Kind, id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return proofback.GlobalID(k, id)
}
