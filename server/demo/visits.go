package demo

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// visit is a click that was made, and what may still come of it.
type visit struct {
	click proofback.Click
	link  *link
	terms *proofback.Terms
}

// converts reports whether something may come of the visit.
func (v *visit) converts() bool {
	return !v.click.Bot && v.click.Outcome == proofback.ClickRedirected
}

// visitor is a kind of visitor.
type visitor struct {
	device    proofback.Device
	userAgent string
}

var visitors = []visitor{
	{proofback.DeviceMobile, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"},
	{proofback.DeviceMobile, "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"},
	{proofback.DeviceMobile, "Mozilla/5.0 (Linux; Android 15; SM-S938B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"},
	{proofback.DeviceDesktop, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
	{proofback.DeviceDesktop, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15"},
	{proofback.DeviceDesktop, "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"},
	{proofback.DeviceTablet, "Mozilla/5.0 (iPad; CPU OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"},
}

var crawlers = []string{
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
	"Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
}

// Countries in the proportion in which visitors come.
var (
	northern = []string{"NO", "NO", "NO", "NO", "SE", "SE", "DK", "FI", "DE", "GB"}
	german   = []string{"DE", "DE", "DE", "DE", "DE", "DE", "AT", "AT", "CH", "NL"}
)

// addresses are ranges kept for documentation (RFC 5737): nobody's.
var addresses = []netip.Addr{
	netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("198.51.100.0"), netip.MustParseAddr("203.0.113.0"),
}

// busyHours are the hours of a UTC day in the proportion in which visitors come.
var busyHours = []int{5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 14, 15, 16, 17, 17, 18, 18, 18, 19, 19, 19, 20, 20, 21, 22, 23, 0, 2}

// visitsOf thinks up the clicks of a link on a day: more at week-ends and as
// the month goes on.
func (l *loader) visitsOf(from *link, at *db.Link, day int) []visit {
	midnight := l.day(day)
	mean := from.visits * (0.75 + 0.5*float64(day)/days)
	if w := midnight.Weekday(); w == time.Saturday || w == time.Sunday {
		mean *= 1.3
	}
	n := int(math.Round(mean + l.rand.NormFloat64()*math.Sqrt(mean)/2))
	var made []visit
	for range n {
		v := l.visit(from, at, l.moment(midnight))
		if v.click.At.Before(l.began) {
			made = append(made, v)
		}
	}
	return made
}

// moment is some moment of a day.
func (l *loader) moment(midnight time.Time) time.Time {
	return midnight.Add(time.Duration(pick(l, busyHours)) * time.Hour).
		Add(time.Duration(l.rand.Int64N(int64(time.Hour)))).
		Truncate(time.Millisecond)
}

func (l *loader) visit(from *link, at *db.Link, when time.Time) visit {
	who := pick(l, visitors)
	countries := northern
	if at.Advertiser.Name == brightbank {
		countries = german
	}
	c := proofback.Click{
		ID:           l.id(when),
		At:           when,
		LinkID:       at.ID,
		OfferID:      at.Terms.OfferID,
		AffiliateID:  at.Affiliate.ID,
		AdvertiserID: at.Advertiser.ID,
		TermsID:      at.Terms.ID,
		Country:      pick(l, countries),
		Device:       who.device,
		UserAgent:    who.userAgent,
		IP:           l.address(),
	}
	l.tag(&c, from)
	if l.chance(crawlerShare(from)) {
		c.Bot, c.UserAgent, c.Device = true, pick(l, crawlers), proofback.DeviceOther
	}
	c.Outcome = at.Judge(c.Country, c.Device)
	return visit{click: c, link: from, terms: at.Terms}
}

func crawlerShare(from *link) float64 {
	if from.affiliate == pushpeak {
		return 0.25
	}
	return 0.03
}

func (l *loader) address() netip.Addr {
	b := pick(l, addresses).As4()
	b[3] = byte(1 + l.rand.IntN(254))
	return netip.AddrFrom4(b)
}

// tag fills in what affiliates add to their links.
func (l *loader) tag(c *proofback.Click, from *link) {
	switch from.affiliate {
	case fjell:
		c.Subs[0] = pick(l, []string{"boots-2026", "tent-test", "down-jackets"})
		c.Source = "blog"
		c.Referrer = "https://fjell-reviews.example/" + c.Subs[0]
	case kupong:
		c.Subs[0] = fmt.Sprintf("week-%02d", isoWeek(c.At))
		c.Subs[1] = pick(l, []string{"list", "detail", "app"})
		c.Source = "coupons"
	case trailhead:
		c.Source = pick(l, []string{"newsletter", "instagram"})
		c.Creative = pick(l, []string{"story-1", "story-2", "carousel"})
	case sparfuchs:
		c.Subs[0] = fmt.Sprintf("rank-%d", 1+l.rand.IntN(5))
		c.Source = "comparison"
		c.Referrer = "https://sparfuchs.example/girokonto"
	case northmail:
		c.Subs[0], c.Subs[1] = "mail-"+c.At.Format("0102"), pick(l, []string{"a", "b"})
		c.Source = "mail"
	case pushpeak:
		c.Subs[0] = fmt.Sprintf("zone-%d", slices.Max([]int{l.rand.IntN(9), l.rand.IntN(9)}))
		c.Source = "push"
	}
}

func isoWeek(t time.Time) int {
	_, week := t.ISOWeek()
	return week
}
