package main

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/server/auth"
)

const (
	secretsKeyBytes = 32
	derivedKeyBytes = 32
	ledgerSeedBytes = 32
)

// Labels keep the derived keys apart (RFC 5869, the info input). They never
// change: another label is another key.
const (
	clickKeyLabel   = "proofback click ids, version 1"
	secretsKeyLabel = "proofback partners' secrets, version 1"
	ledgerKeyLabel  = "proofback ledger checkpoints, version 1"
)

// readClickKeys reads "version:base64,…"; the first is the current one.
func readClickKeys(text string) (*proofback.ClickKeys, error) {
	var keys []proofback.ClickKey
	for part := range strings.SplitSeq(text, ",") {
		version, secret, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			return nil, errors.New("a part has no colon")
		}
		n, err := strconv.Atoi(version)
		if err != nil {
			return nil, fmt.Errorf("%q is not a version", version)
		}
		b, err := base64.StdEncoding.DecodeString(secret)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", n)
		}
		keys = append(keys, proofback.ClickKey{Version: n, Secret: b})
	}
	return proofback.NewClickKeys(keys[0].Version, keys...)
}

// deriveKeys makes the keys that were not given from the JWT secret, so that
// processes which share it share them all.
func (s *Settings) deriveKeys() error {
	if s.clickKeys == nil {
		key, err := hkdf.Key(sha256.New, []byte(s.JWTSecret), nil, clickKeyLabel, derivedKeyBytes)
		if err != nil {
			return err
		}
		if s.clickKeys, err = proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: key}); err != nil {
			return err
		}
	}
	if s.secretsKey == nil {
		key, err := hkdf.Key(sha256.New, []byte(s.JWTSecret), nil, secretsKeyLabel, secretsKeyBytes)
		if err != nil {
			return err
		}
		s.secretsKey = key
	}
	if s.ledgerSeed == nil {
		key, err := hkdf.Key(sha256.New, []byte(s.JWTSecret), nil, ledgerKeyLabel, ledgerSeedBytes)
		if err != nil {
			return err
		}
		s.ledgerSeed = key
	}
	return nil
}

// readLedgerKey reads "seed,public key,…".
func readLedgerKey(text string) (seed []byte, believed []string, err error) {
	first, rest, more := strings.Cut(text, ",")
	if seed, err = base64.StdEncoding.DecodeString(strings.TrimSpace(first)); err != nil {
		return nil, nil, errors.New("the key is not base64")
	}
	if len(seed) != ledgerSeedBytes {
		return nil, nil, fmt.Errorf("the key has %d bytes", len(seed))
	}
	if !more {
		return seed, nil, nil
	}
	for key := range strings.SplitSeq(rest, ",") {
		key = strings.TrimSpace(key)
		if _, err := note.NewVerifier(key); err != nil {
			return nil, nil, fmt.Errorf("%q is not a public key of a ledger", key)
		}
		believed = append(believed, key)
	}
	return seed, believed, nil
}

// ledgerKey makes the key of a network's ledger. The keys that were not given have
// been derived.
func (s *Settings) ledgerKey(network string) (*proofback.LedgerKey, error) {
	return proofback.NewLedgerKey(proofback.LedgerOrigin(network), s.ledgerSeed)
}

// keptSecretPath is where a JWT secret that nobody gave is kept.
func (s *Settings) keptSecretPath() string { return filepath.Join(s.DataDir, "jwt_secret") }

// readKeptSecret reads the secret that an earlier start made.
func (s *Settings) readKeptSecret() (string, error) {
	b, err := os.ReadFile(s.keptSecretPath())
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(b))
	if len(secret) < auth.MinKey {
		return "", fmt.Errorf("%s holds %d bytes: expected %d or more; put the old one back, or remove the file to have another made, which ends what the old one signed",
			s.keptSecretPath(), len(secret), auth.MinKey)
	}
	return secret, nil
}

// keepSecret sees to it that there is a JWT secret, making one where neither the
// operator nor an earlier start did. Whoever calls it holds the data folder's lock.
func (s *Settings) keepSecret() error {
	if s.JWTSecret != "" {
		return nil
	}
	secret, err := s.readKeptSecret()
	if errors.Is(err, fs.ErrNotExist) {
		secret = rand.Text() + rand.Text() // 52 characters, 260 bits
		err = writeSynced(s.keptSecretPath(), secret+"\n")
	}
	s.JWTSecret = secret
	return err
}

// writeSynced writes a file that is there as a whole or not at all, readable by
// its owner alone.
func writeSynced(path, text string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
