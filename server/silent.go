package main

import (
	"net"
	"net/http"
	"sync"
)

// silentConns are connections on which nothing has come yet. Browsers and load
// balancers open some ahead, and net/http would wait five seconds for each of
// them to say something when it is shut down.
type silentConns struct{ open sync.Map } // of net.Conn

// note is an http.Server's ConnState.
func (s *silentConns) note(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.open.Store(c, nil)
		return
	case http.StateIdle: // it has said something before
		return
	}
	if _, silent := s.open.Load(c); silent { // which takes no lock, for those that are not
		s.open.Delete(c)
	}
}

// close closes them. A request that was on its way on one is lost, so that is for
// when nobody sends any more.
func (s *silentConns) close() {
	s.open.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close()
		return true
	})
}
