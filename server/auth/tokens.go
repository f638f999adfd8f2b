package auth

import (
	"errors"
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
	parser           *jwt.Parser
}

// TokenConfig says which tokens are good.
type TokenConfig struct {
	// Key signs them with HS256; MinKey bytes or more.
	Key []byte
	// Issuer and Audience are written and required; default "proofback".
	Issuer, Audience string
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
	return &Tokens{
		key:      c.Key,
		issuer:   c.Issuer,
		audience: c.Audience,
		now:      c.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(c.Issuer),
			jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(),
			jwt.WithTimeFunc(c.Now),
			jwt.WithStrictDecoding(),
		),
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

// Verify gives the actor that a token stands for, or CodeUnauthenticated.
func (t *Tokens) Verify(token string) (proofback.Actor, error) {
	var c claims
	_, err := t.parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.key, nil })
	if err != nil {
		return proofback.Actor{}, errBadToken(err)
	}
	a, err := c.actor()
	if err != nil {
		return proofback.Actor{}, errBadToken(err)
	}
	return a, nil
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
