// Package auth tells who acts: passwords, sessions and access tokens.
//
// An access token is a JWT (RFC 7519) that carries a user's role and partner. Gate
// believes it for as long as its session goes on and the user still has those rights,
// which is one look into the database. A session is
// a family of refresh tokens, each of which works once: a second use means that
// one was copied, and ends the family. Middleware turns a request's token into
// the Actor in its context; nothing further in knows of tokens.
package auth
