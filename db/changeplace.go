package db

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// changePlace says which changes somebody was told of: those of all transactions
// before next, but for those that were still running, and of one of these the changes
// up to an id. It is what Postgres calls a snapshot, so a transaction that commits
// late is neither skipped nor told of twice, and nobody waits for those that take
// long.
type changePlace struct {
	next    int64     // the first transaction that had not begun
	running []int64   // those before it that had not ended, in their order
	partly  int64     // one of running that was told of in part …
	upTo    uuid.UUID // … up to this change
}

// maxRunning is more transactions than ever run at once.
const maxRunning = 10_000

// readSnapshot reads what pg_current_snapshot gives: "xmin:xmax:xid,xid".
func readSnapshot(text string) (changePlace, bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return changePlace{}, false
	}
	next, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return changePlace{}, false
	}
	p := changePlace{next: next}
	if parts[2] == "" {
		return p, true
	}
	for id := range strings.SplitSeq(parts[2], ",") {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return changePlace{}, false
		}
		p.running = append(p.running, n)
	}
	slices.Sort(p.running)
	return p, true
}

// told reports whether a change was told of at p.
func (p changePlace) told(xact int64, id uuid.UUID) bool {
	if xact >= p.next {
		return false
	}
	if xact == p.partly {
		return slices.Compare(id[:], p.upTo[:]) <= 0
	}
	_, running := slices.BinarySearch(p.running, xact)
	return !running
}

// after is the place of somebody at p who saw a snapshot, and was told of its changes
// in their order, up to one: first the rest of the transaction that was told of in
// part, then one transaction after the other.
func (p changePlace) after(snapshot changePlace, xact int64, id uuid.UUID) changePlace {
	q := changePlace{next: max(p.next, xact+1), partly: xact, upTo: id}
	q.running = append(q.running, xact)
	for _, x := range p.running {
		if xact == p.partly || x > xact && x != p.partly {
			q.running = append(q.running, x)
		}
	}
	for _, x := range snapshot.running {
		if x < q.next {
			q.running = append(q.running, x)
		}
	}
	slices.Sort(q.running)
	q.running = slices.Compact(q.running)
	return q
}

// String writes a place for whoever wants to go on there: opaque, and never more than
// a place.
func (p changePlace) String() string {
	b := binary.AppendUvarint(nil, uint64(p.next))
	b = binary.AppendUvarint(b, uint64(len(p.running)))
	for _, x := range p.running {
		b = binary.AppendUvarint(b, uint64(p.next-x))
	}
	if p.partly != 0 {
		b = binary.AppendUvarint(b, uint64(p.next-p.partly))
		b = append(b, p.upTo[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// readChangePlace reads what String wrote; anything else is not ok.
func readChangePlace(s string) (p changePlace, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return p, false
	}
	number := func() int64 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > 1<<62 {
			b, ok = nil, false
			return 0
		}
		b = b[size:]
		return int64(n)
	}
	before := func() int64 {
		d := number()
		if d < 1 || d > p.next {
			ok = false
		}
		return p.next - d
	}
	ok = true
	p.next = number()
	n := number()
	if n > maxRunning || int(n) > len(b) {
		return changePlace{}, false
	}
	for range n {
		p.running = append(p.running, before())
	}
	if len(b) > 0 && ok {
		p.partly = before()
		if len(b) != len(p.upTo) {
			return changePlace{}, false
		}
		copy(p.upTo[:], b)
		_, running := slices.BinarySearch(p.running, p.partly)
		ok = ok && running
	}
	return p, ok && slices.IsSorted(p.running)
}
