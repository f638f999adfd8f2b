package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/proofback/proofback"
)

// provider is an identity provider.
type provider struct {
	url     string
	fetches atomic.Int64
	broken  atomic.Bool
	mu      sync.Mutex
	set     []map[string]string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		if p.broken.Load() {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": p.set})
	}))
	t.Cleanup(srv.Close)
	p.url = srv.URL
	return p
}

// publish replaces the set.
func (p *provider) publish(keys ...map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set = keys
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwkOf is a public key as a set has it.
func jwkOf(kid string, key crypto.PublicKey) map[string]string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kid": kid, "kty": "RSA", "use": "sig", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			panic(err)
		}
		return map[string]string{"kid": kid, "kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
	default:
		return map[string]string{"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": b64(key.(ed25519.PublicKey))}
	}
}

// trusting are tokens with a provider, at a clock that can be turned.
func trusting(t *testing.T, p *provider) (tokens *Tokens, clock *atomic.Int64) {
	t.Helper()
	clock = &atomic.Int64{}
	clock.Store(noon.Unix())
	now := func() time.Time { return time.Unix(clock.Load(), 0).UTC() }
	keys := &KeySet{URL: p.url, Now: now, Log: slog.New(slog.DiscardHandler)}
	tokens, err := NewTokens(TokenConfig{Key: testKey, Keys: keys, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return tokens, clock
}

func signed(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, change map[string]any) string {
	t.Helper()
	c := goodClaims()
	c["sub"] = "auth0|1234"
	maps.Copy(c, change)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	j := jwt.NewWithClaims(method, c)
	maps.Copy(j.Header, header)
	maps.DeleteFunc(j.Header, func(_ string, v any) bool { return v == nil })
	text, err := j.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAnIdentityProvidersTokens(t *testing.T) {
	t.Parallel()
	rsaKey, weak := newRSA(t, 2048), newRSA(t, 1024)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := newProvider(t)
	forEncryption := jwkOf("enc", &rsaKey.PublicKey)
	forEncryption["use"] = "enc"
	another := jwkOf("ps", &rsaKey.PublicKey)
	another["alg"] = "PS256"
	p.publish(jwkOf("r", &rsaKey.PublicKey), jwkOf("e", &ecKey.PublicKey), jwkOf("d", edPublic), jwkOf("weak", &weak.PublicKey), forEncryption, another, map[string]string{"kid": "x", "kty": "oct", "k": b64(testKey)})
	tokens, _ := trusting(t, p)
	kid := func(id string, more ...any) map[string]any {
		h := map[string]any{"kid": id}
		for i := 0; i < len(more); i += 2 {
			h[more[i].(string)] = more[i+1]
		}
		return h
	}
	for name, token := range map[string]string{
		"RS256":           signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), nil),
		"ES256":           signed(t, jwt.SigningMethodES256, ecKey, kid("e"), nil),
		"EdDSA":           signed(t, jwt.SigningMethodEdDSA, edKey, kid("d"), nil),
		"an access token": signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "typ", "at+jwt"), nil),
		"no type":         signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "typ", nil), nil),
		"our own":         signed(t, jwt.SigningMethodHS256, testKey, nil, nil),
	} {
		if a, err := tokens.Verify(t.Context(), token); err != nil || a.Role != proofback.RoleAffiliate {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	stranger := newRSA(t, 2048)
	refused := map[string]string{
		"HS256 with the public key":    signed(t, jwt.SigningMethodHS256, public, kid("r"), nil),
		"HS256 with the modulus":       signed(t, jwt.SigningMethodHS256, rsaKey.N.Bytes(), kid("r"), nil),
		"a symmetric key of the set":   signed(t, jwt.SigningMethodHS384, testKey, kid("x"), nil),
		"no algorithm":                 signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid("r"), nil),
		"PS256":                        signed(t, jwt.SigningMethodPS256, rsaKey, kid("r"), nil),
		"RS512":                        signed(t, jwt.SigningMethodRS512, rsaKey, kid("r"), nil),
		"a key for another algorithm":  signed(t, jwt.SigningMethodRS256, rsaKey, kid("ps"), nil),
		"an EC key's id with RS256":    signed(t, jwt.SigningMethodRS256, rsaKey, kid("e"), nil),
		"a key for encryption":         signed(t, jwt.SigningMethodRS256, rsaKey, kid("enc"), nil),
		"a weak key":                   signed(t, jwt.SigningMethodRS256, weak, kid("weak"), nil),
		"another's key":                signed(t, jwt.SigningMethodRS256, stranger, kid("r"), nil),
		"another's key, brought along": signed(t, jwt.SigningMethodRS256, stranger, kid("r", "jwk", jwkOf("r", &stranger.PublicKey)), nil),
		"another's key, by an address": signed(t, jwt.SigningMethodRS256, stranger, kid("r", "jku", "https://evil.example/keys", "x5u", "https://evil.example/x"), nil),
		"an id that is a path":         signed(t, jwt.SigningMethodRS256, stranger, kid("../../etc/passwd"), nil),
		"an id that is SQL":            signed(t, jwt.SigningMethodRS256, stranger, kid("r' OR '1'='1"), nil),
		"an id that is none":           signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "kid", 7), nil),
		"no id":                        signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "kid", nil), nil),
		"extensions to be understood":  signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "crit", []string{"exp"}), nil),
		"the same of our own":          signed(t, jwt.SigningMethodHS256, testKey, map[string]any{"crit": []string{"b64"}, "b64": false}, nil),
		"a log-out token":              signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "typ", "logout+jwt"), nil),
		"a type that is none":          signed(t, jwt.SigningMethodRS256, rsaKey, kid("r", "typ", 1), nil),
		"a log-out token of our own":   signed(t, jwt.SigningMethodHS256, testKey, map[string]any{"typ": "logout+jwt"}, nil),
		"no subject":                   signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"sub": nil}),
		"another issuer":               signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"iss": "https://evil.example"}),
		"another audience":             signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"aud": "other"}),
		"expired":                      signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"exp": noon.Add(-time.Second).Unix()}),
		"no end":                       signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"exp": nil}),
		"not yet":                      signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"nbf": noon.Add(time.Hour).Unix()}),
		"the system":                   signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), map[string]any{"role": "SYSTEM", "affiliate_id": nil}),
	}
	for name, token := range refused {
		t.Run(name, func(t *testing.T) {
			if a, err := tokens.Verify(t.Context(), token); proofback.CodeOf(err) != proofback.CodeUnauthenticated || a != (proofback.Actor{}) {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("unknown key ids made it fetch %d times", n)
	}
	alone, err := NewTokens(TokenConfig{Key: testKey, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone.Verify(t.Context(), signed(t, jwt.SigningMethodRS256, rsaKey, kid("r"), nil)); err == nil {
		t.Error("without a provider its token is good")
	}
}

func TestKeysAreChangedAndKeptWhileTheProviderIsAway(t *testing.T) {
	t.Parallel()
	first, second := newRSA(t, 2048), newRSA(t, 2048)
	p := newProvider(t)
	p.publish(jwkOf("1", &first.PublicKey))
	tokens, clock := trusting(t, p)
	good := func(kid string, key *rsa.PrivateKey) bool {
		_, err := tokens.Verify(t.Context(), signed(t, jwt.SigningMethodRS256, key, map[string]any{"kid": kid}, nil))
		return err == nil
	}
	at := func(after time.Duration) { clock.Store(noon.Add(after).Unix()) }
	for _, step := range []struct {
		name    string
		do      func()
		kid     string
		key     *rsa.PrivateKey
		good    bool
		fetches int64
	}{
		{"the first key", func() {}, "1", first, true, 1},
		{"a new key, right after a fetch", func() { p.publish(jwkOf("1", &first.PublicKey), jwkOf("2", &second.PublicKey)) }, "2", second, false, 1},
		{"the same after the pause", func() { at(refetchPause) }, "2", second, true, 2},
		{"a key that was taken back, still fresh", func() { p.publish(jwkOf("2", &second.PublicKey)) }, "1", first, true, 2},
		{"the same once it is looked at again", func() { at(refetchPause + refetchAfter) }, "1", first, false, 3},
		{"the provider is away", func() { p.broken.Store(true); at(time.Hour) }, "2", second, true, 4},
		{"and for a day", func() { at(25 * time.Hour) }, "2", second, false, 5},
		{"and is back", func() { p.broken.Store(false); at(26 * time.Hour) }, "2", second, true, 6},
	} {
		step.do()
		if got := good(step.kid, step.key); got != step.good || p.fetches.Load() != step.fetches {
			t.Errorf("%s: good %v, %d fetches; want %v, %d", step.name, got, p.fetches.Load(), step.good, step.fetches)
		}
	}
}

func TestAKeySetIsFetchedOnceForMany(t *testing.T) {
	t.Parallel()
	key := newRSA(t, 2048)
	p := newProvider(t)
	p.publish(jwkOf("1", &key.PublicKey))
	tokens, _ := trusting(t, p)
	token := signed(t, jwt.SigningMethodRS256, key, map[string]any{"kid": "1"}, nil)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := tokens.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// RFC 7517, section 4.5: keys of different kinds may have the same id, or none.
func TestKeysOfDifferentKindsMayHaveTheSameID(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := newRSA(t, 2048)
	p := newProvider(t)
	p.publish(jwkOf("1", &key.PublicKey), jwkOf("1", public))
	tokens, _ := trusting(t, p)
	kid := map[string]any{"kid": "1"}
	for name, token := range map[string]string{
		"RSA":     signed(t, jwt.SigningMethodRS256, key, kid, nil),
		"Ed25519": signed(t, jwt.SigningMethodEdDSA, private, kid, nil),
	} {
		if _, err := tokens.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, errors.Unwrap(err))
		}
	}
}
