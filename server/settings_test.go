package main

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/google/uuid"
)

func TestKeysThatAreLeftOutFollowFromTheSecret(t *testing.T) {
	t.Parallel()
	derive := func(secret string) (clickID string, sealing []byte) {
		s := &Settings{JWTSecret: secret}
		if err := s.check(); err != nil {
			t.Fatal(err)
		}
		if err := s.deriveKeys(); err != nil {
			t.Fatal(err)
		}
		return s.clickKeys.Encode(uuid.Max), s.secretsKey
	}
	const one, other = "one secret of 32 bytes or more ...", "another secret of 32 bytes or more"
	id, sealing := derive(one)
	again, sealingAgain := derive(one)
	if id != again || !bytes.Equal(sealing, sealingAgain) {
		t.Error("two processes with the same secret have different keys")
	}
	otherID, otherSealing := derive(other)
	if id == otherID || bytes.Equal(sealing, otherSealing) {
		t.Error("another secret gives the same keys")
	}
}

func TestTheFirstClickKeyMakesNewIDs(t *testing.T) {
	t.Parallel()
	const a, b = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=", "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI="
	before, err := readClickKeys("1:" + a)
	if err != nil {
		t.Fatal(err)
	}
	after, err := readClickKeys("2:" + b + ", 1:" + a)
	if err != nil {
		t.Fatal(err)
	}
	old := before.Encode(uuid.Max)
	if id, state := after.Parse(old); id != uuid.Max {
		t.Errorf("an id of the old key is %v", state)
	}
	if after.Encode(uuid.Max) == old {
		t.Error("new ids are made with the old key")
	}
}

func TestRangesOfIPv4WrittenAsIPv6HoldTheirAddresses(t *testing.T) {
	t.Parallel()
	s := &Settings{TrustedProxies: []string{"::ffff:10.0.0.0/104"}, JWTSecret: "one secret of 32 bytes or more ..."}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	if proxy := netip.MustParseAddr("10.1.2.3"); len(s.trustedProxies) != 1 || !s.trustedProxies[0].Contains(proxy) {
		t.Errorf("%s is not of %v", proxy, s.trustedProxies)
	}
}

func TestTheSecretIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := &Settings{DataDir: dir}, &Settings{DataDir: dir}
	for _, s := range []*Settings{first, second} {
		if err := s.keepSecret(); err != nil {
			t.Fatal(err)
		}
	}
	if first.JWTSecret != second.JWTSecret || len(first.JWTSecret) < 32 {
		t.Errorf("got %q, then %q", first.JWTSecret, second.JWTSecret)
	}
	given := &Settings{DataDir: dir, JWTSecret: "given"}
	if err := given.keepSecret(); err != nil || given.JWTSecret != "given" {
		t.Errorf("got %q, %v", given.JWTSecret, err)
	}
}

func TestTheDemoIsOnWhereTheProgramBringsItsOwnPostgres(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		database, demo string
		want           bool
	}{
		{"", "", true}, {"", "false", false}, {"postgres://x", "", false}, {"postgres://x", "true", true},
	} {
		s := &Settings{DatabaseURL: c.database, Demo: c.demo}
		if err := s.check(); err != nil || s.demo != c.want {
			t.Errorf("%+v gives %v, %v", c, s.demo, err)
		}
	}
}

func TestLinksLeadToWhereHTTPIsServed(t *testing.T) {
	t.Parallel()
	at := &net.TCPAddr{IP: net.IPv4zero, Port: 8080}
	for _, c := range []struct{ addr, public, want string }{
		{"127.0.0.1:8080", "", "http://127.0.0.1:8080"},
		{":8080", "", "http://localhost:8080"},
		{"0.0.0.0:0", "", "http://localhost:8080"},
		{"[::1]:8080", "", "http://[::1]:8080"},
		{"partners.internal:8080", "", "http://partners.internal:8080"},
		{":8080", "https://go.example.com/", "https://go.example.com"},
	} {
		s := &Settings{Addr: c.addr, PublicURL: c.public}
		if err := s.check(); err != nil {
			t.Fatal(err)
		}
		if got := s.publicURL(at); got != c.want {
			t.Errorf("%+v gives %s", c, got)
		}
	}
}

func TestTheDemosSinkIsOurListenerAlone(t *testing.T) {
	t.Parallel()
	for listening, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:8080":   "http://127.0.0.1:8080",
		"[::]:8080":      "http://127.0.0.1:8080",
		"10.1.2.3:80":    "http://10.1.2.3:80",
	} {
		at, err := net.ResolveTCPAddr("tcp", listening)
		if err != nil {
			t.Fatal(err)
		}
		if got := sinkURL(at); got != want {
			t.Errorf("%s gives %s", listening, got)
		}
	}
}
