package load

import (
	"strconv"
	"strings"
	"time"

	"github.com/proofback/proofback"
)

// PostbackTraffic reports events of clicks, scattered over all of them.
type PostbackTraffic struct {
	Clicks Clicks
	// Prefix begins the transaction ids, so that events of one run can be told
	// from those of another.
	Prefix string
	// Mixed sends half of the events twice, a moment apart, and rubbish in one
	// request of twenty.
	Mixed bool
	// Stamped ends each transaction id with the moment at which it is sent, for
	// SentAt.
	Stamped bool
}

// SentAt is when an event was sent, by its transaction id; ok is false when it is
// not stamped.
func SentAt(txid string) (at time.Time, ok bool) {
	micros, err := strconv.ParseInt(txid[strings.LastIndexByte(txid, stampMark)+1:], 10, 64)
	return time.UnixMicro(micros), err == nil && strings.IndexByte(txid, stampMark) >= 0
}

// stampMark is before the moment in a transaction id.
const stampMark = '.'

type postbackRequests struct {
	*PostbackTraffic
	keys *proofback.ClickKeys
	tail string
}

func newPostbackRequests(t *PostbackTraffic, host string) (*postbackRequests, error) {
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: t.Clicks.Secret})
	return &postbackRequests{t, keys, " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: Acme-Shop/4.2\r\nAccept: */*\r\n\r\n"}, err
}

// clickStride scatters events over the clicks: it has no divisor in common with
// their number, unless that is a multiple of it.
const clickStride = 2_147_483_647

// request sends event n, or in mixed traffic one event by each even number and
// a repetition of a recent one by each odd.
func (p *postbackRequests) request(dst []byte, n uint64) []byte {
	event := n
	if p.Mixed {
		r := mix(n)
		if r%20 == 0 {
			return p.rubbish(dst, r>>8)
		}
		event = n / 2
		if lag := r >> 8 % 256; n%2 == 1 && event >= lag {
			event -= lag
		}
	}
	click := event % uint64(p.Clicks.Count) * clickStride % uint64(p.Clicks.Count)
	dst = append(dst, "GET /postback?click_id="...)
	dst = p.keys.Append(dst, p.Clicks.ID(int(click)))
	dst = append(dst, "&event_type=sale&txid="...)
	dst = append(dst, p.Prefix...)
	dst = strconv.AppendUint(dst, event, 10)
	if p.Stamped {
		dst = strconv.AppendInt(append(dst, stampMark), time.Now().UnixMicro(), 10)
	}
	dst = append(dst, "&amount="...)
	dst = strconv.AppendUint(dst, 10+mix(event)%90, 10)
	dst = append(dst, ".90&currency="...)
	if event%10 == 0 {
		dst = append(dst, "USD"...)
	} else {
		dst = append(dst, "EUR"...)
	}
	return append(dst, p.tail...)
}

// rubbish is what senders get wrong.
func (p *postbackRequests) rubbish(dst []byte, r uint64) []byte {
	queries := [...]string{
		"click_id={click_id}&event_type=sale&amount=10&currency=EUR",
		"click_id=Z0000000000000000000000000000000000000000&event_type=sale&amount=10&currency=EUR",
		"click_id=&event_type=sale&amount=10&currency=EUR",
		"event_type=sale&transaction_id=%7Btxid%7D&amount=ten",
		"cid=12345&payout=1,50",
	}
	dst = append(dst, "GET /postback?"...)
	dst = append(dst, queries[r%uint64(len(queries))]...)
	return append(dst, p.tail...)
}
