package auth

import (
	"context"
	"fmt"
	"sync"

	"github.com/alexedwards/argon2id"
)

// params are those of new hashes: OWASP's for Argon2id with 19 MiB. They are
// fixed, because a hash that depends on the machine cannot be compared in the
// same time everywhere.
var params = argon2id.Params{
	Memory:      19 * 1024,
	Iterations:  2,
	Parallelism: 1,
	SaltLength:  16,
	KeyLength:   32,
}

// maxHashing bounds how many hashes are computed at once, and with it the memory
// that signing in can take: further ones wait.
const maxHashing = 4

// Passwords hashes and compares passwords. The zero value is ready.
type Passwords struct {
	once sync.Once
	turn chan struct{}
	// none is the hash of no password, compared with where there is no user, so
	// that this takes as long.
	none string
}

func (p *Passwords) init() {
	p.turn = make(chan struct{}, maxHashing)
	none, err := argon2id.CreateHash("nobody signs in with this", &params)
	if err != nil {
		panic(fmt.Sprintf("auth: hash: %v", err)) // crypto/rand never fails
	}
	p.none = none
}

// Hash makes what is stored of a password.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	var hash string
	err := p.takingTurns(ctx, func() (err error) {
		hash, err = argon2id.CreateHash(password, &params)
		return err
	})
	return hash, err
}

// Matches reports whether password is the one that hash was made of; "" stands
// for a user that does not exist, and takes as long.
func (p *Passwords) Matches(ctx context.Context, password, hash string) (bool, error) {
	var same bool
	err := p.takingTurns(ctx, func() (err error) {
		against := hash
		if against == "" {
			against = p.none
		}
		same, err = argon2id.ComparePasswordAndHash(password, against)
		return err
	})
	return same && hash != "", err
}

func (p *Passwords) takingTurns(ctx context.Context, f func() error) error {
	p.once.Do(p.init)
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	return f()
}
