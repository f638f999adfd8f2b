package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

var (
	testKey = []byte("0123456789abcdef0123456789abcdef")
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func newTokens(t testing.TB) *Tokens {
	t.Helper()
	tokens, err := NewTokens(TokenConfig{Key: testKey, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestATokenGivesBackItsActor(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t)
	for _, want := range []proofback.Actor{
		{Role: proofback.RoleAdmin, UserID: uuid.New()},
		{Role: proofback.RoleManager, UserID: uuid.New(), SessionID: uuid.New()},
		{Role: proofback.RoleAffiliate, UserID: uuid.New(), AffiliateID: uuid.New()},
		{Role: proofback.RoleAdvertiser, AdvertiserID: uuid.New()},
	} {
		token, expires, err := tokens.Sign(want, time.Hour)
		if err != nil || !expires.Equal(noon.Add(time.Hour)) {
			t.Fatalf("expires %v, %v", expires, err)
		}
		got, err := tokens.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if _, _, err := tokens.Sign(proofback.Actor{Role: proofback.RoleAffiliate}, time.Hour); err == nil {
		t.Error("a token was signed for an affiliate's user without an affiliate")
	}
}

// goodClaims are those of an affiliate's user.
func goodClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "proofback", "aud": "proofback", "sub": proofback.GlobalID(proofback.KindUser, uuid.New()),
		"iat": noon.Unix(), "exp": noon.Add(time.Minute).Unix(),
		"role": "AFFILIATE", "affiliate_id": proofback.GlobalID(proofback.KindAffiliate, uuid.New()),
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	tokens := newTokens(t)
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(jwt.SigningMethodHS256, testKey, goodClaims())
	if _, err := tokens.Verify(t.Context(), good); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	refused := map[string]string{
		"empty":               "",
		"no JWT":              "abc",
		"another key":         sign(jwt.SigningMethodHS256, []byte("another key of thirty-two bytes!"), goodClaims()),
		"no algorithm":        sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, goodClaims()),
		"HS384":               sign(jwt.SigningMethodHS384, testKey, goodClaims()),
		"ES256":               sign(jwt.SigningMethodES256, ecKey, goodClaims()),
		"no signature":        parts[0] + "." + parts[1] + ".",
		"another's claims":    parts[0] + "." + raised(t, parts[1]) + "." + parts[2],
		"a signature cut off": good[:len(good)-2],
		"trailing bytes":      good + "A",
	}
	for name, change := range map[string]map[string]any{
		"expired":                    {"exp": noon.Add(-time.Second).Unix()},
		"runs out now":               {"exp": noon.Unix()},
		"no end":                     {"exp": nil},
		"not yet":                    {"nbf": noon.Add(time.Minute).Unix()},
		"issued later":               {"iat": noon.Add(time.Minute).Unix()},
		"no time of issue":           {"iat": nil},
		"another issuer":             {"iss": "other"},
		"no issuer":                  {"iss": nil},
		"another audience":           {"aud": "other"},
		"no audience":                {"aud": nil},
		"no subject":                 {"sub": nil},
		"no role":                    {"role": nil},
		"a role of its own":          {"role": "OWNER"},
		"a role in lower case":       {"role": "admin"},
		"the system":                 {"role": "SYSTEM", "affiliate_id": nil},
		"staff with an affiliate":    {"role": "ADMIN"},
		"an affiliate without id":    {"affiliate_id": nil},
		"an affiliate of no kind":    {"affiliate_id": "42"},
		"an advertiser as affiliate": {"affiliate_id": proofback.GlobalID(proofback.KindAdvertiser, uuid.New())},
		"two partners":               {"advertiser_id": proofback.GlobalID(proofback.KindAdvertiser, uuid.New())},
		"an advertiser's role":       {"role": "ADVERTISER"},
		"a session of no kind":       {"sid": "x"},
	} {
		c := goodClaims()
		maps.Copy(c, change)
		maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
		refused[name] = sign(jwt.SigningMethodHS256, testKey, c)
	}
	for name, token := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a, err := tokens.Verify(t.Context(), token); proofback.CodeOf(err) != proofback.CodeUnauthenticated || a != (proofback.Actor{}) {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
}

// raised makes an admin of a token's payload, without signing it anew.
func raised(t *testing.T, payload string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	c := map[string]any{}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	c["role"] = "ADMIN"
	delete(c, "affiliate_id")
	text, err = json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func TestAShortKeyIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := NewTokens(TokenConfig{Key: testKey[:31]}); err == nil {
		t.Error("31 bytes were taken")
	}
}

func TestAnIdentityProvidersSubjectIsNobodyOfOurs(t *testing.T) {
	t.Parallel()
	c := goodClaims()
	c["sub"], c["aud"] = "auth0|1234", []string{"other", "proofback"}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(testKey)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newTokens(t).Verify(t.Context(), token)
	if err != nil || a.UserID != uuid.Nil || a.AffiliateID == uuid.Nil {
		t.Errorf("got %+v, %v", a, err)
	}
}
