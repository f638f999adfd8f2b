package ingest

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// knownAgents remembers what user agents tell: looking at one takes a fifth of a
// millisecond, and most visitors share a few thousand. It keeps 16,384 at most, and
// forgets some when there are many. It is read by every click, so reading takes no
// lock.
type knownAgents struct {
	seed   maphash.Seed
	places [1 << 11][8]atomic.Pointer[knownAgent]
}

type knownAgent struct {
	hash      uint64
	userAgent string
	agent     agent
}

func newKnownAgents() *knownAgents { return &knownAgents{seed: maphash.MakeSeed()} }

// hash is where a user agent is looked for. Nobody can know which others have the same
// places.
func (k *knownAgents) hash(userAgent string) uint64 { return maphash.String(k.seed, userAgent) }

func (k *knownAgents) of(hash uint64) *[8]atomic.Pointer[knownAgent] {
	return &k.places[hash%uint64(len(k.places))]
}

func (k *knownAgents) get(hash uint64, userAgent string) (agent, bool) {
	places := k.of(hash)
	for i := range places {
		if a := places[i].Load(); a != nil && a.hash == hash && a.userAgent == userAgent {
			return a.agent, true
		}
	}
	return agent{}, false
}

// add remembers a user agent, in the place of another when there is none left. It is
// copied: what was cut off a long header would be kept along with it.
func (k *knownAgents) add(hash uint64, userAgent string, what agent) {
	places, a := k.of(hash), &knownAgent{hash, strings.Clone(userAgent), what}
	for i := range places {
		if places[i].CompareAndSwap(nil, a) || places[i].Load().userAgent == userAgent {
			return
		}
	}
	places[hash>>61].Store(a)
}
