package demo

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// event is a postback that an advertiser's server will send.
type event struct {
	at     time.Time
	visit  *visit
	params params
	post   bool
	body   params // of a POST
}

// params are a request's parameters in the order sent, by their canonical names.
type params [][2]string

func (p params) get(name string) string {
	for _, kv := range p {
		if kv[0] == name {
			return kv[1]
		}
	}
	return ""
}

// with gives a copy in which name has a value; "" takes it out.
func (p params) with(name, value string) params {
	out := params{}
	found := false
	for _, kv := range p {
		if kv[0] == name {
			found = true
			kv[1] = value
		}
		if kv[1] != "" {
			out = append(out, kv)
		}
	}
	if !found && value != "" {
		out = append(out, [2]string{name, value})
	}
	return out
}

// encode writes the parameters under an advertiser's own names.
func (p params) encode(a *proofback.Advertiser) string {
	parts := make([]string, len(p))
	for i, kv := range p {
		name := kv[0]
		for _, m := range a.ParameterMapping {
			if m.To == name {
				name = m.From
			}
		}
		parts[i] = url.QueryEscape(name) + "=" + url.QueryEscape(kv[1])
	}
	return strings.Join(parts, "&")
}

// after gives a moment some time after t, with a mean: most come soon.
func (l *loader) after(t time.Time, mean time.Duration) time.Time {
	return t.Add(2*time.Minute + time.Duration(l.rand.ExpFloat64()*float64(mean))).Truncate(time.Millisecond)
}

// eventsOf thinks up what becomes of a visit.
func (l *loader) eventsOf(v *visit) []event {
	if !v.converts() {
		if l.chance(0.03) { // and yet it is reported
			return []event{l.event(v, v.terms.Goals[0].EventType, l.after(v.click.At, 2*time.Hour))}
		}
		return nil
	}
	var list []event
	tell := func(p float64, goal string, mean time.Duration) bool {
		if !l.chance(p) {
			return false
		}
		list = append(list, l.event(v, goal, l.after(v.click.At, mean)))
		return true
	}
	switch v.link.offer {
	case shop:
		if tell(0.13, "sale", 8*time.Hour) {
			list = append(list, l.laterStatus(list[len(list)-1])...)
		}
		tell(0.06, "newsletter", time.Hour)
	case club:
		trial := tell(0.17, "trial", 3*time.Hour)
		if trial && l.chance(0.5) {
			list = append(list, l.event(v, "subscription", list[0].at.Add(time.Duration(4+l.rand.IntN(6))*24*time.Hour)))
		} else if !trial {
			tell(0.02, "subscription", 24*time.Hour) // without the trial that it needs
		}
	case winter:
		tell(0.10, "sale", 6*time.Hour)
	case account:
		if tell(0.16, "lead", time.Hour) && l.chance(0.4) {
			opened := l.event(v, "account", list[0].at.Add(time.Duration(20+l.rand.IntN(60))*time.Hour))
			list = append(list, opened)
			list = append(list, l.laterStatus(opened)...)
		}
	case card:
		tell(0.09, "card", 40*time.Hour)
	}
	var sent []event
	for _, e := range list {
		sent = append(sent, l.asSent(e)...)
	}
	return sent
}

// event is a faultless postback about a visit.
func (l *loader) event(v *visit, goal string, at time.Time) event {
	p := params{
		{proofback.ParamClickID, l.Keys.Encode(v.click.ID)},
		{proofback.ParamTxID, fmt.Sprintf("%s-%06d", strings.ToUpper(v.terms.Name[:1]), 100000+l.rand.IntN(900000))},
		{proofback.ParamEventType, goal},
	}
	currency := l.Store.Currency()
	switch goal {
	case "sale":
		p = append(p, [2]string{proofback.ParamAmount, fmt.Sprintf("%d.%02d", 18+l.rand.IntN(240), l.rand.IntN(100))}, [2]string{proofback.ParamCurrency, currency})
	case "lead":
		worth := 6 + l.rand.IntN(10)
		p = append(p, [2]string{proofback.ParamPayout, fmt.Sprint(worth)}, [2]string{proofback.ParamRevenue, fmt.Sprint(worth + worth/3)}, [2]string{proofback.ParamCurrency, currency})
	case "newsletter", "trial":
		p = p.with(proofback.ParamTxID, "")
	}
	return event{at: at, visit: v, params: p, post: v.link.offer == winter}
}

// laterStatus is what the advertiser says of an event some days on.
func (l *loader) laterStatus(e event) []event {
	if !l.chance(0.55) {
		return nil
	}
	later := e
	later.at = e.at.Add(time.Duration(3+l.rand.IntN(9)) * 24 * time.Hour)
	words := [2]string{"approved", "rejected"}
	if e.visit.link.offer == account {
		words = [2]string{"funded", "void"}
	}
	later.params = e.params.with(proofback.ParamStatus, words[0])
	if l.chance(0.2) {
		later.params = e.params.with(proofback.ParamStatus, words[1]).with(proofback.ParamReason, pick(l, refusals))
	}
	return []event{later}
}

var refusals = []string{"the goods came back", "the payment did not go through", "cancelled by the customer", "not a new customer"}

// incoming makes the request of an event.
func (l *loader) incoming(e event) *db.Incoming {
	a, _ := l.setup.Snapshot().Advertiser(e.visit.click.AdvertiserID)
	raw := proofback.PostbackRequest{Method: "GET", RawQuery: e.params.encode(a)}
	if e.post {
		raw.Method, raw.ContentType = "POST", "application/x-www-form-urlencoded"
		raw.RawQuery, raw.Body = e.params[:1].encode(a), []byte(append(e.params[1:], e.body...).encode(a))
	}
	in := &db.Incoming{
		ID:         l.id(e.at),
		ReceivedAt: e.at,
		DecidedAt:  e.at.Add(time.Duration(1500+l.rand.IntN(4000)) * time.Microsecond),
		Method:     raw.Method,
		RemoteIP:   "192.0.2.10",
	}
	path := "/postback"
	if len(a.ParameterMapping) > 0 { // its own names count only there
		in.Endpoint, in.RemoteIP = a, "198.51.100.20"
		path += "/" + a.PostbackKey
	}
	credentials := proofback.Credentials{Peer: netip.MustParseAddr(in.RemoteIP), Now: e.at}
	in.Read = func(s proofback.Sender) proofback.Reading {
		return proofback.ReadRequest(raw, credentials, s, l.Keys)
	}
	in.URL = proofback.MaskURL(path+"?"+raw.RawQuery, a.ParameterMapping...)
	return in
}
