package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// minRSA is the shortest RSA key that is believed, in bits (RFC 7518, section 3.3).
const minRSA = 2048

// jwk is a public key of an identity provider (RFC 7517, and RFC 8037 for Ed25519).
type jwk struct {
	Kty    string   `json:"kty"`
	Kid    string   `json:"kid"`
	Use    string   `json:"use"`
	KeyOps []string `json:"key_ops"`
	Alg    string   `json:"alg"`
	Crv    string   `json:"crv"`
	N      string   `json:"n"`
	E      string   `json:"e"`
	X      string   `json:"x"`
	Y      string   `json:"y"`
}

// verifier is a key with the one algorithm that it is believed with.
type verifier struct {
	alg string
	key crypto.PublicKey
}

// keyName is by what a token names a key: keys of different kinds may have the same id
// (RFC 7517, section 4.5), or none.
type keyName struct{ kid, alg string }

// readKeys reads a key set. Keys that are for something else, of another kind or broken
// are left out, so that one of them does not take the others along.
func readKeys(body []byte) (map[keyName]verifier, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("no key set: %w", err)
	}
	keys := map[keyName]verifier{}
	for _, text := range set.Keys {
		var k jwk
		if err := json.Unmarshal(text, &k); err != nil {
			continue
		}
		if v, err := k.verifier(); err == nil {
			name := keyName{k.Kid, v.alg}
			if _, twice := keys[name]; twice {
				return nil, fmt.Errorf("two keys for %s are called %q", v.alg, k.Kid)
			}
			keys[name] = v
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the set has no key for RS256, ES256 or EdDSA")
	}
	return keys, nil
}

// verifier reads a key that is for signatures.
func (k *jwk) verifier() (verifier, error) {
	if k.Use != "" && k.Use != "sig" || k.KeyOps != nil && !slices.Contains(k.KeyOps, "verify") {
		return verifier{}, errors.New("it is for something else")
	}
	var v verifier
	var err error
	switch k.Kty {
	case "RSA":
		v.alg = "RS256"
		v.key, err = k.rsa()
	case "EC":
		v.alg = "ES256"
		v.key, err = k.ec()
	case "OKP":
		v.alg = "EdDSA"
		v.key, err = k.ed25519()
	default:
		err = fmt.Errorf("kty %q", k.Kty)
	}
	if err == nil && k.Alg != "" && k.Alg != v.alg && !(v.alg == "EdDSA" && k.Alg == "Ed25519") {
		err = fmt.Errorf("alg %q", k.Alg)
	}
	return v, err
}

func (k *jwk) rsa() (*rsa.PublicKey, error) {
	n, err := number(k.N)
	if err != nil {
		return nil, err
	}
	e, err := number(k.E)
	if err != nil {
		return nil, err
	}
	if n.BitLen() < minRSA || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 {
		return nil, errors.New("a weak key")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func (k *jwk) ec() (*ecdsa.PublicKey, error) {
	if k.Crv != "P-256" {
		return nil, fmt.Errorf("crv %q", k.Crv)
	}
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, errors.New("coordinates of 32 bytes are needed")
	}
	// It refuses points that are not on the curve.
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
}

func (k *jwk) ed25519() (ed25519.PublicKey, error) {
	x, err := base64.RawURLEncoding.DecodeString(k.X)
	if k.Crv != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize {
		return nil, errors.New("no Ed25519 key")
	}
	return x, nil
}

// number reads an unsigned integer (RFC 7518, section 2).
func number(text string) (*big.Int, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, errors.New("no number")
	}
	return new(big.Int).SetBytes(b), nil
}
