package main

import (
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"
)

// ownFiles is how many open files are kept for the program itself: connections to
// Postgres and to affiliates, the spool, lists that are uploaded.
const ownFiles = 256

// maxConnections is how many callers may be connected at a time. Every open file that the
// system allows could be a caller's otherwise, who need not even say anything, and then
// nothing that comes on the other connections could be stored.
func maxConnections() int {
	const many = 1 << 20
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return many
	}
	limit := int(min(files.Cur, many))
	return max(limit-ownFiles, limit/4)
}

// bound takes no more connections than there are places. Who comes beyond waits for one
// to be closed, as it would where the system refuses to open more.
type bound struct {
	places chan struct{}
	ended  chan struct{}
	end    sync.Once
	tell   rate.Sometimes
	log    *slog.Logger
}

func newBound(most int, log *slog.Logger) *bound {
	return &bound{places: make(chan struct{}, most), ended: make(chan struct{}), tell: rate.Sometimes{Interval: time.Minute}, log: log}
}

// take waits for a place.
func (b *bound) take() error {
	select {
	case b.places <- struct{}{}:
		return nil
	default:
	}
	b.tell.Do(func() {
		b.log.Warn("as many connections are open as may be: whoever comes now waits until one is closed", "connections", cap(b.places))
	})
	select {
	case b.places <- struct{}{}:
		return nil
	case <-b.ended:
		return net.ErrClosed
	}
}

func (b *bound) leave() { <-b.places }

// close has nobody wait any more.
func (b *bound) close() { b.end.Do(func() { close(b.ended) }) }
