package db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
)

// Sealer encrypts the secrets that partners share with us (AES-256-GCM), so that
// a copy of the database alone gives none away.
type Sealer struct{ aead cipher.AEAD }

// NewSealer takes a key of 32 bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != 32 {
		return nil, errors.New("db: the sealing key must have 32 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal encrypts secret for the row named by owner; it opens only for that owner.
func (s *Sealer) Seal(secret string, owner [16]byte) []byte {
	return s.aead.Seal(nil, nil, []byte(secret), owner[:])
}

// Open gives back what Seal took, or says that key or owner is another.
func (s *Sealer) Open(sealed []byte, owner [16]byte) (string, error) {
	b, err := s.aead.Open(nil, nil, sealed, owner[:])
	if err != nil {
		return "", errors.New("db: a sealed secret does not open: was it sealed with another key?")
	}
	return string(b), nil
}

// NewSecret makes a secret for a partner: the Standard Webhooks form, 190 random
// bits in base64 behind "whsec_". It has neither + nor /, so that it can be put into
// a URL as it is.
func NewSecret() string {
	b := make([]byte, 24)
	for {
		_, _ = rand.Read(b) // never fails (crypto/rand)
		if encoded := base64.StdEncoding.EncodeToString(b); !strings.ContainsAny(encoded, "+/") {
			return secretPrefix + encoded
		}
	}
}

const secretPrefix = "whsec_"

// newToken makes 256 random bits for a token that is shown once and kept as a hash.
func newToken() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
