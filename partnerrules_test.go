package proofback

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// fieldsOf gives the fields that an error of a Validate is about.
func fieldsOf(err error) string {
	var list Problems
	if !errors.As(err, &list) {
		return ""
	}
	fields := make([]string, len(list))
	for i, e := range list {
		fields[i] = strings.Join(e.Field, ".")
	}
	return strings.Join(fields, " ")
}

func TestWhatIsWrongWithAnAdvertiser(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*Advertiser)
		want   string
	}{
		{"nothing", func(*Advertiser) {}, ""},
		{"everything it can have", func(a *Advertiser) {
			a.AllowedIPs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			a.ParameterMapping = []NameMapping{{"cid", "click_id"}, {"s2", "sub2"}}
			a.StatusMapping = []StatusMapping{{"lead", StatusPending}, {"2", StatusApproved}}
		}, ""},
		{"no name", func(a *Advertiser) { a.Name = " \t" }, "name"},
		{"a long name", func(a *Advertiser) { a.Name = strings.Repeat("ä", MaxName+1) }, "name"},
		{"no such status", func(a *Advertiser) { a.Status = "GONE" }, "status"},
		{"no such currency", func(a *Advertiser) { a.Currency = "eur" }, "currency"},
		{"no such security", func(a *Advertiser) { a.Security = "MAYBE" }, "security.mode"},
		{"a name mapped twice", func(a *Advertiser) { a.ParameterMapping = []NameMapping{{"cid", "click_id"}, {"CID", "txid"}} }, "parameterMapping.1.from"},
		{"no such parameter", func(a *Advertiser) { a.ParameterMapping = []NameMapping{{"cid", "clickid"}} }, "parameterMapping.0.to"},
		{"a name mapped twice but for blanks", func(a *Advertiser) { a.ParameterMapping = []NameMapping{{"cid", "click_id"}, {" cid", "txid"}} }, "parameterMapping.1.from"},
		{"a name of nothing", func(a *Advertiser) { a.ParameterMapping = []NameMapping{{"", "click_id"}} }, "parameterMapping.0.from"},
		{"a word mapped twice", func(a *Advertiser) {
			a.StatusMapping = []StatusMapping{{"Lead", StatusPending}, {"lead", StatusApproved}}
		}, "statusMapping.1.from"},
		{"no such status for a word", func(a *Advertiser) { a.StatusMapping = []StatusMapping{{"lead", "LEAD"}} }, "statusMapping.0.to"},
		{"too much of all", func(a *Advertiser) {
			a.AllowedIPs = make([]netip.Prefix, MaxMappings+1)
			for range MaxMappings + 1 {
				a.ParameterMapping = append(a.ParameterMapping, NameMapping{uuid.NewString(), "sub1"})
				a.StatusMapping = append(a.StatusMapping, StatusMapping{uuid.NewString(), StatusPending})
			}
		}, "security.allowedIps parameterMapping statusMapping"},
		{"two things at once", func(a *Advertiser) { a.Name, a.Currency = "", "" }, "name currency"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &Advertiser{Name: "Shop", Status: PartnerActive, Currency: "EUR", Security: SecurityNone}
			tt.change(a)
			if got := fieldsOf(a.Validate()); got != tt.want {
				t.Errorf("got %q, want %q: %v", got, tt.want, a.Validate())
			}
		})
	}
}

func TestPostbackURLSpeaksTheAdvertisersLanguage(t *testing.T) {
	t.Parallel()
	const base = "https://go.example/postback/key?"
	for _, tt := range []struct {
		name string
		a    Advertiser
		want string
	}{
		{"no mapping", Advertiser{}, "click_id={click_id}&txid={txid}&event_type={event_type}&status={status}&amount={amount}&currency={currency}"},
		{
			"its own names",
			Advertiser{ParameterMapping: []NameMapping{{"cid", "click_id"}, {"click", "click_id"}, {"a b", "txid"}, {"s2", "sub2"}}},
			"cid={click_id}&a+b={txid}&event_type={event_type}&status={status}&amount={amount}&currency={currency}&s2={sub2}",
		},
		{
			"a token under its own name",
			Advertiser{Security: SecurityToken, ParameterMapping: []NameMapping{{"key", "token"}}},
			"click_id={click_id}&txid={txid}&event_type={event_type}&status={status}&amount={amount}&currency={currency}&key={token}",
		},
		{
			"its names are ours for something else",
			Advertiser{ParameterMapping: []NameMapping{{"status", "event_type"}, {"amount", "payout"}, {"txid", "click_id"}}},
			"txid={click_id}&event_id={txid}&status={event_type}&currency={currency}&amount={payout}",
		},
		{
			"names with blanks around them",
			Advertiser{ParameterMapping: []NameMapping{{" cid", "click_id"}, {"what ", "event_type"}}},
			"cid={click_id}&txid={txid}&what={event_type}&status={status}&amount={amount}&currency={currency}",
		},
	} {
		tt.a.PostbackKey = "key"
		got := tt.a.PostbackURL("https://go.example")
		if got != base+tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, base+tt.want)
		}
		_, query, _ := strings.Cut(got, "?")
		read, _ := ReadPostback(PostbackRequest{RawQuery: query, Mapping: tt.a.ParameterMapping})
		for _, p := range read.All {
			if p.Value != "{"+p.Canonical+"}" {
				t.Errorf("%s: %s of %s counts as %s", tt.name, p.Name, p.Value, p.Canonical)
			}
		}
	}
}

func TestWhatAnAffiliateMayKnowOfAnAdvertiser(t *testing.T) {
	t.Parallel()
	a := Advertiser{ID: uuid.New(), Name: "Shop", Security: SecurityToken, PostbackKey: "key", AnswerAlways200: true}
	if got := a.Public(); got.Security != "" || got.PostbackKey != "" || got.AnswerAlways200 || got.Name != "Shop" || got.ID != a.ID {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsWrongWithAnAffiliateOrUser(t *testing.T) {
	t.Parallel()
	if err := (&Affiliate{Name: "Blog", Status: PartnerActive, Currency: "EUR"}).Validate(); err != nil {
		t.Error(err)
	}
	if got := fieldsOf((&Affiliate{}).Validate()); got != "name status currency" {
		t.Errorf("got %q", got)
	}
	partner := uuid.New()
	for _, tt := range []struct {
		user User
		want string
	}{
		{User{Email: "kim@blog.example", Role: RoleAdmin}, ""},
		{User{Email: "kim@blog.example", Role: RoleAffiliate, AffiliateID: partner}, ""},
		{User{Email: "kim@blog.example", Role: RoleAdvertiser, AdvertiserID: partner}, ""},
		{User{Email: "kim", Role: RoleAdmin}, "email"},
		{User{Email: "@blog.example", Role: RoleAdmin}, "email"},
		{User{Email: "kim@", Role: RoleAdmin}, "email"},
		{User{Email: "Kim@blog.example", Role: RoleAdmin}, "email"},
		{User{Email: "kim @blog.example", Role: RoleAdmin}, "email"},
		{User{Email: strings.Repeat("k", 250) + "@blog.example", Role: RoleAdmin}, "email"},
		{User{Email: "kim@blog.example", Role: RoleSystem}, "role"},
		{User{Email: "kim@blog.example", Role: RoleAffiliate}, "role"},
		{User{Email: "kim@blog.example", Role: RoleAdmin, AffiliateID: partner}, "role"},
		{User{Email: "kim@blog.example", Role: RoleAdvertiser, AffiliateID: partner, AdvertiserID: partner}, "role"},
	} {
		if got := fieldsOf(tt.user.Validate()); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.user, got, tt.want)
		}
	}
}
