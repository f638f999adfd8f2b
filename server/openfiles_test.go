package main

import (
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// answers reports whether something comes on a connection in time.
func answers(c net.Conn, in time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(in))
	n, _ := c.Read(make([]byte, 1))
	return n == 1
}

func TestConnectionsLeaveTheProgramItsOwnFiles(t *testing.T) {
	t.Parallel()
	const patient = 10 * time.Second
	_, all := lookedAfterWithin(t, newBound(2, slog.New(slog.DiscardHandler)), func(http.ResponseWriter, *http.Request) {})
	first, _ := call(t, all, get("/"))
	second, _ := call(t, all, get("/"))
	if !answers(first, patient) || !answers(second, patient) {
		t.Fatal("there are places, and nobody is answered")
	}
	third, _ := call(t, all, get("/"))
	if answers(third, 100*time.Millisecond) {
		t.Error("more are connected than may be")
	}
	_ = second.Close()
	if !answers(third, patient) {
		t.Error("a place is free, and who waited for it is not answered")
	}
}

func TestAServerWithoutAPlaceEndsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBound(1, slog.New(slog.DiscardHandler))
	if err := b.take(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- b.take() }()
	b.close()
	if err := awaited(t, "it ends", waited); err == nil {
		t.Error("there are two in one place")
	}
}
