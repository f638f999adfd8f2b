package auth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// MinKey is the shortest HS256 key that is accepted, in bytes: as long as what
// it signs with (RFC 7518, section 3.2).
const MinKey = 32

// Tokens makes and reads access tokens.
type Tokens struct {
	key              []byte
	issuer, audience string
	now              func() time.Time
	parser, foreign  *jwt.Parser // of our own tokens, and of an identity provider's
	keys             *KeySet     // of that; nil for none
}

// TokenConfig says which tokens are good.
type TokenConfig struct {
	// Key signs them with HS256; MinKey bytes or more.
	Key []byte
	// Issuer and Audience are written and required; default "proofback".
	Issuer, Audience string
	// Keys are those of an identity provider whose tokens are good as well; nil for none.
	Keys *KeySet
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// NewTokens takes the configuration of a network's tokens.
func NewTokens(c TokenConfig) (*Tokens, error) {
	if len(c.Key) < MinKey {
		return nil, errors.New("the key of access tokens must have 32 bytes or more")
	}
	if c.Issuer == "" {
		c.Issuer = "proofback"
	}
	if c.Audience == "" {
		c.Audience = "proofback"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	parser := func(algorithms ...string) *jwt.Parser {
		return jwt.NewParser(
			jwt.WithValidMethods(algorithms),
			jwt.WithIssuer(c.Issuer),
			jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithTimeFunc(c.Now),
			jwt.WithStrictDecoding(),
		)
	}
	return &Tokens{
		key:      c.Key,
		issuer:   c.Issuer,
		audience: c.Audience,
		now:      c.Now,
		parser:   parser(jwt.SigningMethodHS256.Alg()),
		foreign:  parser(jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()),
		keys:     c.Keys,
	}, nil
}

// claims are what a token says. Ids are those that GraphQL shows.
type claims struct {
	jwt.RegisteredClaims

	Role         proofback.Role `json:"role"`
	AffiliateID  string         `json:"affiliate_id,omitempty"`
	AdvertiserID string         `json:"advertiser_id,omitempty"`
	// Session is the session that the token was given out in (sid, as in OpenID
	// Connect's front-channel logout); absent in tokens made otherwise.
	Session string `json:"sid,omitempty"`
}

// Sign makes a token for an actor, good for ttl.
func (t *Tokens) Sign(a proofback.Actor, ttl time.Duration) (token string, expires time.Time, err error) {
	if err := a.Validate(); err != nil {
		return "", time.Time{}, err
	}
	now := t.now().Truncate(time.Second)
	expires = now.Add(ttl)
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    t.issuer,
			Audience:  jwt.ClaimStrings{t.audience},
			Subject:   proofback.GlobalID(proofback.KindUser, a.UserID),
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Role: a.Role,
	}
	if a.AffiliateID != uuid.Nil {
		c.AffiliateID = proofback.GlobalID(proofback.KindAffiliate, a.AffiliateID)
	}
	if a.AdvertiserID != uuid.Nil {
		c.AdvertiserID = proofback.GlobalID(proofback.KindAdvertiser, a.AdvertiserID)
	}
	if a.SessionID != uuid.Nil {
		c.Session = a.SessionID.String()
	}
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(t.key)
	return token, expires.UTC(), err
}

// errBadToken is the one answer to every token that is not good: why is for the
// log alone.
func errBadToken(why error) error {
	return &proofback.Error{
		Code:    proofback.CodeUnauthenticated,
		Message: "this access token is not good, or not any more: sign in again",
		Err:     why,
	}
}

// Verify gives the actor that a token stands for, or CodeUnauthenticated. The algorithm
// says whose token it is, and with that which kind of key it is held against: HS256 is
// ours, and never held against a key that others know.
func (t *Tokens) Verify(ctx context.Context, token string) (proofback.Actor, error) {
	var c claims
	var err error
	if t.keys != nil && isForeign(token) {
		_, err = t.foreign.ParseWithClaims(token, &c, func(j *jwt.Token) (any, error) { return t.foreignKey(ctx, j) })
	} else {
		_, err = t.parser.ParseWithClaims(token, &c, func(j *jwt.Token) (any, error) { return t.key, checkHeader(j) })
	}
	if err != nil {
		return proofback.Actor{}, errBadToken(err)
	}
	a, err := c.actor()
	if err != nil {
		return proofback.Actor{}, errBadToken(err)
	}
	return a, nil
}

// isForeign reports whether a token is signed as an identity provider's are. What its
// header says is not believed by that: each kind is held against its own keys.
func isForeign(token string) bool {
	j, _, err := jwt.NewParser().ParseUnverified(token, &claims{})
	return err == nil && j.Method.Alg() != jwt.SigningMethodHS256.Alg()
}

// foreignKey finds the key of an identity provider's token.
func (t *Tokens) foreignKey(ctx context.Context, j *jwt.Token) (any, error) {
	if err := checkHeader(j); err != nil {
		return nil, err
	}
	kid, _ := j.Header["kid"].(string)
	// The name holds the algorithm, so that no key is tried with another one than its own.
	v, err := t.keys.find(ctx, keyName{kid, j.Method.Alg()})
	if err != nil {
		return nil, err
	}
	return v.key, nil
}

// checkHeader refuses what golang-jwt lets pass: extensions that a token says must be
// understood (RFC 7515, section 4.1.11; we know none), and tokens of another type, such
// as an identity provider's ID or log-out tokens (RFC 8725, section 3.11).
func checkHeader(j *jwt.Token) error {
	if _, ok := j.Header["crit"]; ok {
		return errors.New("it has extensions that must be understood")
	}
	typ, there := j.Header["typ"]
	if !there {
		return nil
	}
	name, _ := typ.(string)
	switch strings.TrimPrefix(strings.ToLower(name), "application/") {
	case "jwt", "at+jwt":
		return nil
	}
	return errors.New("it is of another type")
}

// actor reads what the registered rules of JWT do not know: every claim of the
// contract must be there, and the role must fit its ids.
func (c *claims) actor() (proofback.Actor, error) {
	a := proofback.Actor{Role: c.Role}
	switch {
	case c.Subject == "":
		return a, errors.New("no subject")
	case c.IssuedAt == nil:
		return a, errors.New("no time of issue")
	case c.Role == proofback.RoleSystem:
		return a, errors.New("nobody signs in as the system")
	}
	// A subject that is not one of our ids is somebody whom an identity provider
	// knows and we do not.
	if id, err := proofback.ParseIDOf(proofback.KindUser, c.Subject); err == nil {
		a.UserID = id
	}
	var err error
	if c.AffiliateID != "" {
		if a.AffiliateID, err = proofback.ParseIDOf(proofback.KindAffiliate, c.AffiliateID); err != nil {
			return a, err
		}
	}
	if c.AdvertiserID != "" {
		if a.AdvertiserID, err = proofback.ParseIDOf(proofback.KindAdvertiser, c.AdvertiserID); err != nil {
			return a, err
		}
	}
	if c.Session != "" {
		if a.SessionID, err = uuid.Parse(c.Session); err != nil {
			return a, err
		}
	}
	return a, a.Validate()
}
