package db

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Clicks are stored by COPY in Postgres' binary format: a header, then for each
// row the number of its columns and for each column its length and bytes, then a
// trailer (https://www.postgresql.org/docs/current/sql-copy.html, "Binary
// Format"). Who wants a click stored encodes its row; the writer only puts rows
// one after the other.

// copyClicks takes rows as appendClick writes them.
const copyClicks = `COPY clicks (` + clickColumnNames + `) FROM STDIN (FORMAT binary)`

// copySpooled is copyClicks into the table that spooled clicks pass through.
const copySpooled = `COPY spooled (` + clickColumnNames + `) FROM STDIN (FORMAT binary)`

const clickColumnNames = `id, at, link_id, offer_id, affiliate_id, advertiser_id, terms_id, user_agent_id, referrer_id,` +
	` outcome, flags, bot, country, device, ip, source, creative,` +
	` sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10`

const clickColumns = 27

// outcomeOffset is where in a row the outcome's value stands, whatever the click:
// after the number of columns, six uuids, a timestamp, two bigints, and its own
// length.
const outcomeOffset = 2 + 6*(4+16) + 3*(4+8) + 4

// copyHeader is the signature, no flags, and no header extension.
const copyHeader = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// copyTrailer is a row of -1 columns.
const copyTrailer = "\xff\xff"

// maxClickText is the longest text that a row may hold, in bytes. Visitors' texts
// are cut far below it before they come here.
const maxClickText = 4096

// appendClick appends the row of a click to b; agent and referrer are the textIDs
// of its texts. It refuses what Postgres would refuse, so that no row can fail
// those beside it.
func appendClick(b []byte, c *proofback.Click, agent, referrer int64) ([]byte, error) {
	if err := checkClick(c); err != nil {
		return b, err
	}
	b = binary.BigEndian.AppendUint16(b, clickColumns)
	b = appendUUID(b, c.ID)
	b = appendTime(b, c.At)
	b = appendUUID(b, c.LinkID)
	b = appendUUID(b, c.OfferID)
	b = appendUUID(b, c.AffiliateID)
	b = appendUUID(b, c.AdvertiserID)
	b = appendUUID(b, c.TermsID)
	b = appendInt8(b, agent)
	b = appendInt8(b, referrer)
	b = appendInt2(b, int16(c.Outcome))
	b = appendInt2(b, int16(c.Flags))
	b = appendBool(b, c.Bot)
	b = appendTextOrNull(b, c.Country)
	b = appendText(b, string(c.Device))
	b = appendInet(b, c.IP)
	b = appendTextOrNull(b, c.Source)
	b = appendTextOrNull(b, c.Creative)
	for i := range c.Subs {
		b = appendTextOrNull(b, c.Subs[i])
	}
	return b, nil
}

// checkClick refuses what Postgres would not take as a row of clicks.
func checkClick(c *proofback.Click) error {
	if c.ID == uuid.Nil || c.At.Before(postgresEpoch) {
		return proofback.Internal("click row", fmt.Errorf("id %s at %s", c.ID, c.At))
	}
	texts := [...]string{c.Country, string(c.Device), c.UserAgent, c.Referrer, c.Source, c.Creative}
	for _, list := range [...][]string{texts[:], c.Subs[:]} {
		for _, s := range list {
			if s != "" && (len(s) > maxClickText || !storable(s)) {
				return proofback.Internal("click row", fmt.Errorf("a text of %d bytes is too long or not UTF-8 without NUL", len(s)))
			}
		}
	}
	return nil
}

// postgresEpoch is where Postgres' timestamps count from, in microseconds.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func appendLen(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendUUID(b []byte, id uuid.UUID) []byte { return append(appendLen(b, len(id)), id[:]...) }

func appendTime(b []byte, t time.Time) []byte {
	return appendInt8(b, t.UnixMicro()-postgresEpoch.UnixMicro())
}

func appendInt8(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(appendLen(b, 8), uint64(v))
}

func appendInt2(b []byte, v int16) []byte {
	return binary.BigEndian.AppendUint16(appendLen(b, 2), uint16(v))
}

func appendBool(b []byte, v bool) []byte {
	b = appendLen(b, 1)
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendText(b []byte, s string) []byte { return append(appendLen(b, len(s)), s...) }

func appendTextOrNull(b []byte, s string) []byte {
	if s == "" {
		return appendNull(b)
	}
	return appendText(b, s)
}

// appendInet writes an address as inet: family, bits, "is it a cidr", length,
// bytes. The families are Postgres' own: 2 and 3.
func appendInet(b []byte, ip netip.Addr) []byte {
	switch ip = ip.Unmap(); {
	case ip.Is4():
		a := ip.As4()
		return append(append(appendLen(b, 4+len(a)), 2, 32, 0, byte(len(a))), a[:]...)
	case ip.Is6():
		a := ip.As16() // without the zone, which means nothing elsewhere
		return append(append(appendLen(b, 4+len(a)), 3, 128, 0, byte(len(a))), a[:]...)
	}
	return appendNull(b)
}
