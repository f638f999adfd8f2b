package outbound

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/proofback/proofback"
)

// nameServer answers every A question with the address that now holds, and has
// no answer for others.
func nameServer(t *testing.T, now *atomic.Pointer[netip.Addr]) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(buf[:n], *now.Load()), peer)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// answer makes the reply to a query with one question (RFC 1035, section 4).
func answer(query []byte, addr netip.Addr) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	reply := append([]byte{}, query[:end]...)
	binary.BigEndian.PutUint16(reply[2:], 0x8180)                        // an answer, without error
	copy(reply[6:12], make([]byte, 6))                                   // no records yet
	if kind := binary.BigEndian.Uint16(query[end-4:]); kind == 1 /*A*/ { // else: no such record
		reply[7] = 1
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		reply = append(reply, addr.AsSlice()...)
	}
	return reply
}

func TestANameThatMovesInsideIsBlocked(t *testing.T) {
	t.Parallel()
	var called atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		called.Add(1)
		w.Header().Set("Connection", "close")
	})
	port := url[strings.LastIndexByte(url, ':'):]
	var now atomic.Pointer[netip.Addr]
	// 127.0.0.1 stands for the public address that the name has at first.
	c := newClient(t, Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Resolver: nameServer(t, &now)})
	for _, step := range []struct {
		address string
		want    proofback.Outcome
	}{
		{"127.0.0.1", proofback.OutcomeDelivered},
		{"127.0.0.2", proofback.OutcomeBlocked},
		{"169.254.169.254", proofback.OutcomeBlocked},
		{"127.0.0.1", proofback.OutcomeDelivered},
		{"10.0.0.1", proofback.OutcomeBlocked},
	} {
		addr := netip.MustParseAddr(step.address)
		now.Store(&addr)
		for _, host := range []string{"rebind.example", "metadata.google.internal"} {
			res := get(t, c, "http://"+host+port)
			if res.Outcome != step.want || strings.Contains(res.Error, step.address) {
				t.Errorf("%s at %s gives %+v", host, addr, res)
			}
		}
	}
	if called.Load() != 4 {
		t.Errorf("called %d times", called.Load())
	}
}
