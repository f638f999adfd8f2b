package db

import lru "github.com/hashicorp/golang-lru/v2"

// newLRU makes a cache of at most size entries that forgets those not used for
// the longest time.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	cache, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}
