package jobs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// fanOutArgs name recorded deliveries. Programs of before read the ids alone, and
// what they have written has no more.
type fanOutArgs struct {
	IDs  packedIDs `json:"ids"`            // those to one destination one after the other
	To   packedIDs `json:"to,omitempty"`   // the destinations
	Each []int     `json:"each,omitempty"` // how many of the ids are for each of them
}

func newFanOutArgs(keys []db.DeliveryKey) fanOutArgs {
	keys = slices.Clone(keys)
	slices.SortStableFunc(keys, func(a, b db.DeliveryKey) int { return bytes.Compare(a.DestinationID[:], b.DestinationID[:]) })
	a := fanOutArgs{IDs: make(packedIDs, len(keys))}
	for i, k := range keys {
		a.IDs[i] = k.ID
		if i == 0 || k.DestinationID != keys[i-1].DestinationID {
			a.To, a.Each = append(a.To, k.DestinationID), append(a.Each, 0)
		}
		a.Each[len(a.Each)-1]++
	}
	return a
}

// keys are those of the deliveries, nil where only their ids are known.
func (a fanOutArgs) keys() ([]db.DeliveryKey, error) {
	if len(a.To) == 0 {
		return nil, nil
	}
	keys := make([]db.DeliveryKey, 0, len(a.IDs))
	left := a.IDs
	for i, n := range a.Each {
		if i == len(a.To) || n < 1 || n > len(left) {
			return nil, errNotDestinations
		}
		for _, id := range left[:n] {
			keys = append(keys, db.DeliveryKey{ID: id, DestinationID: a.To[i]})
		}
		left = left[n:]
	}
	if len(left) > 0 || len(a.To) != len(a.Each) {
		return nil, errNotDestinations
	}
	return keys, nil
}

// resolve gives the keys of the deliveries, asking for those of which only the ids are known.
func (a fanOutArgs) resolve(ctx context.Context, store *db.Store) ([]db.DeliveryKey, error) {
	keys, err := a.keys()
	if err == nil && keys == nil {
		keys, err = store.DeliveryKeys(ctx, proofback.System(), a.IDs)
	}
	return keys, err
}

func (fanOutArgs) Kind() string { return "fan_out" }

func (fanOutArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{Queue: queueFanOut} }

var errNotDestinations = errors.New("jobs: not the destinations of the ids")

// packedIDs are ids as one string: River indexes every string in a job's
// arguments, and nobody looks a fan-out up by one of a thousand.
type packedIDs []uuid.UUID

func (p packedIDs) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 16*len(p))
	for _, id := range p {
		raw = append(raw, id[:]...)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

func (p *packedIDs) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return err
	}
	if len(raw)%16 != 0 {
		return errors.New("jobs: not a list of ids")
	}
	*p = make(packedIDs, 0, len(raw)/16)
	for id := range slices.Chunk(raw, 16) {
		*p = append(*p, uuid.UUID(id))
	}
	return nil
}
