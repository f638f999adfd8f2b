package db_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// readClicks reads clicks back by their text, which the binary rows never were.
func readClicks(t interface{ Fatal(...any) }, store *db.Store, ids []uuid.UUID) map[uuid.UUID]proofback.Click {
	rows, err := store.Pool().Query(context.Background(), `
		SELECT c.id, c.at, c.link_id, c.offer_id, c.affiliate_id, c.advertiser_id, c.terms_id, c.outcome, c.flags, c.bot,
		       coalesce(c.country, ''), c.device, coalesce(host(c.ip), ''), coalesce(a.value, ''), coalesce(r.value, ''),
		       coalesce(c.source, ''), coalesce(c.creative, ''),
		       ARRAY(SELECT coalesce(sub, '')
		             FROM unnest(ARRAY[sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10]) sub)
		FROM clicks c
		LEFT JOIN user_agents a ON a.id = c.user_agent_id
		LEFT JOIN referrers r ON r.id = c.referrer_id
		WHERE c.id = ANY ($1)`, ids)
	if err != nil {
		t.Fatal(err)
	}
	clicks := map[uuid.UUID]proofback.Click{}
	var c proofback.Click
	var ip string
	var subs []string
	_, err = pgx.ForEachRow(rows, []any{
		&c.ID, &c.At, &c.LinkID, &c.OfferID, &c.AffiliateID, &c.AdvertiserID, &c.TermsID, &c.Outcome, &c.Flags, &c.Bot,
		&c.Country, &c.Device, &ip, &c.UserAgent, &c.Referrer, &c.Source, &c.Creative, &subs,
	}, func() error {
		c.At, c.IP = c.At.UTC(), netip.Addr{}
		if ip != "" {
			c.IP = netip.MustParseAddr(ip)
		}
		copy(c.Subs[:], subs)
		if _, twice := clicks[c.ID]; twice {
			t.Fatal("stored twice: ", c.ID)
		}
		clicks[c.ID] = c
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return clicks
}

var sameAddress = cmpopts.EquateComparable(netip.Addr{})

// text draws what a cleaned value can be: no control characters, any script.
func text() *rapid.Generator[string] {
	return rapid.Map(rapid.StringN(-1, -1, 500), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
}

func anyID() *rapid.Generator[uuid.UUID] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) uuid.UUID { return uuid.UUID(b) })
}

func anyAddr() *rapid.Generator[netip.Addr] {
	four := rapid.Map(rapid.SliceOfN(rapid.Byte(), 4, 4), func(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) })
	six := rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)).Unmap() })
	return rapid.OneOf(rapid.Just(netip.Addr{}), four, six)
}

func anyClick() *rapid.Generator[proofback.Click] {
	return rapid.Custom(func(t *rapid.T) proofback.Click {
		at := time.UnixMilli(rapid.Int64Range(946684800000, 4102444800000).Draw(t, "at")).UTC()
		c := proofback.Click{
			ID:           uuid.New(), // version 4: distinct, and spread over all partitions
			At:           at,
			LinkID:       anyID().Draw(t, "link"),
			OfferID:      anyID().Draw(t, "offer"),
			AffiliateID:  anyID().Draw(t, "affiliate"),
			AdvertiserID: anyID().Draw(t, "advertiser"),
			TermsID:      anyID().Draw(t, "terms"),
			Outcome:      proofback.ClickOutcome(rapid.Int16().Draw(t, "outcome")),
			Flags:        proofback.ClickFlags(rapid.Int16().Draw(t, "flags")),
			Bot:          rapid.Bool().Draw(t, "bot"),
			Country:      rapid.SampledFrom([]string{"", "DE", "US"}).Draw(t, "country"),
			Device:       rapid.SampledFrom([]proofback.Device{proofback.DeviceDesktop, proofback.DeviceOther}).Draw(t, "device"),
			IP:           anyAddr().Draw(t, "ip"),
			UserAgent:    text().Draw(t, "user agent"),
			Referrer:     text().Draw(t, "referrer"),
			Source:       text().Draw(t, "source"),
			Creative:     text().Draw(t, "creative"),
		}
		for i := range c.Subs {
			c.Subs[i] = text().Draw(t, "sub")
		}
		return c
	})
}

func TestStoredClickIsTheClickThatWasGiven(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	rapid.Check(t, func(t *rapid.T) {
		clicks := rapid.SliceOfN(anyClick(), 1, 20).Draw(t, "clicks")
		if err := store.InsertClicks(context.Background(), proofback.System(), clicks); err != nil {
			t.Fatal(err)
		}
		want, ids := map[uuid.UUID]proofback.Click{}, []uuid.UUID{}
		for _, c := range clicks {
			want[c.ID], ids = c, append(ids, c.ID)
		}
		if diff := cmp.Diff(want, readClicks(t, store, ids), sameAddress); diff != "" {
			t.Fatalf("clicks (-given +stored):\n%s", diff)
		}
	})
}

func TestWhatWasLeftOutIsStoredAsNull(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	id := newID(t)
	bare := proofback.Click{ID: id, At: proofback.UUIDTime(id), Device: proofback.DeviceOther}
	if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{bare}); err != nil {
		t.Fatal(err)
	}
	var nulls int
	err := store.Pool().QueryRow(t.Context(), `
		SELECT num_nulls(country, ip, source, creative, sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10)
		FROM clicks
		WHERE id = $1 AND user_agent_id = 0 AND referrer_id = 0`, id).Scan(&nulls)
	if err != nil || nulls != 14 {
		t.Errorf("%d of 14 are null, %v", nulls, err)
	}
}

func TestAddressIsStoredWithoutZoneAndAsIPv4WhereItIsOne(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	for given, want := range map[string]string{
		"::ffff:192.0.2.7":  "192.0.2.7",
		"fe80::1%eth0":      "fe80::1",
		"2001:db8::ff00:42": "2001:db8::ff00:42",
	} {
		id := newID(t)
		c := proofback.Click{ID: id, At: proofback.UUIDTime(id), IP: netip.MustParseAddr(given)}
		if err := store.InsertClicks(t.Context(), proofback.System(), []proofback.Click{c}); err != nil {
			t.Fatal(err)
		}
		if got := readClicks(t, store, []uuid.UUID{id})[id].IP.String(); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}

func TestClickThatPostgresWouldRefuseIsRefusedAlone(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	w := newWriter(t, store, db.ClickWriterConfig{})
	id := newID(t)
	for name, spoil := range map[string]func(*proofback.Click){
		"NUL":       func(c *proofback.Click) { c.Subs[3] = "a\x00b" },
		"not UTF-8": func(c *proofback.Click) { c.UserAgent = "\xff" },
		"endless":   func(c *proofback.Click) { c.Referrer = strings.Repeat("x", 1<<16) },
		"no id":     func(c *proofback.Click) { c.ID = uuid.Nil },
		"no time":   func(c *proofback.Click) { c.At = time.Time{} },
	} {
		c := proofback.Click{ID: id, At: proofback.UUIDTime(id)}
		spoil(&c)
		if err := w.Write(t.Context(), &c); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if stored := readClicks(t, store, []uuid.UUID{id}); len(stored) != 0 {
		t.Errorf("stored: %v", stored)
	}
}

func TestOnlyProofbackItselfInsertsClicks(t *testing.T) {
	t.Parallel()
	store := dbtest.Open(t)
	for _, role := range []proofback.Role{"", proofback.RoleAffiliate, proofback.RoleAdvertiser, proofback.RoleManager} {
		err := store.InsertClicks(t.Context(), proofback.Actor{Role: role}, slices.Repeat([]proofback.Click{{}}, 2))
		if proofback.CodeOf(err) != proofback.CodeForbidden {
			t.Errorf("%q: %v", role, err)
		}
	}
}
