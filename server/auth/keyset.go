package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

const (
	// refetchAfter is how long a key set is used before it is looked at again: keys that
	// were taken back are believed no longer than this.
	refetchAfter = 15 * time.Minute
	// refetchPause is the least time between two fetches: tokens that name keys which
	// there are not make no more of them.
	refetchPause = 30 * time.Second
	// keysFor is how long the last key set is used while no other can be had.
	keysFor = 24 * time.Hour
	// fetchTimeout and maxKeySet bound one fetch.
	fetchTimeout = 5 * time.Second
	maxKeySet    = 1 << 20
)

// KeySet are the keys of an identity provider (RFC 7517), fetched when they are needed.
// A key that it changes to is found by its id. It is safe for concurrent use.
type KeySet struct {
	// URL is where the provider publishes them.
	URL string
	// Client fetches them; default http.DefaultClient.
	Client *http.Client
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Log takes what went wrong; default slog.Default().
	Log *slog.Logger

	fetching sync.Mutex // held by who fetches, who alone writes what follows
	reading  sync.RWMutex
	keys     map[keyName]verifier
	fetched  time.Time // when keys came
	tried    time.Time // when the last fetch began
}

var errUnknownKey = errors.New("the identity provider has no such key")

// find gives the key with a name, fetching the set where that may help.
func (s *KeySet) find(ctx context.Context, name keyName) (verifier, error) {
	now := s.now()
	v, age := s.look(name, now)
	if age < refetchAfter {
		return v, nil
	}
	if age >= keysFor {
		s.fetching.Lock()
	} else if !s.fetching.TryLock() {
		return v, nil // whoever fetches brings the next one
	}
	defer s.fetching.Unlock()
	if v, age = s.look(name, now); age < refetchAfter {
		return v, nil // somebody else has fetched it meanwhile
	}
	if now.Sub(s.tried) >= refetchPause {
		s.tried = now
		if err := s.fetch(context.WithoutCancel(ctx), now); err != nil {
			s.log().ErrorContext(ctx, "the keys of the identity provider cannot be fetched", "error", err)
		}
	}
	if v, age = s.look(name, now); age >= keysFor {
		return verifier{}, errUnknownKey
	}
	return v, nil
}

// look finds a key among those that are there, and tells how old they are; keysFor says
// that there is none.
func (s *KeySet) look(name keyName, now time.Time) (verifier, time.Duration) {
	s.reading.RLock()
	defer s.reading.RUnlock()
	v, known := s.keys[name]
	if !known {
		return v, keysFor
	}
	return v, min(now.Sub(s.fetched), keysFor)
}

func (s *KeySet) fetch(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet))
	if err != nil {
		return err
	}
	keys, err := readKeys(body)
	if err != nil {
		return err
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.keys, s.fetched = keys, now
	return nil
}

func (s *KeySet) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *KeySet) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}
