// Package proofback is the language of the business: clicks, postbacks,
// conversions, offers, payouts and the rules that decide between them.
//
// Everything here is a value or a pure function over values. Nothing in this
// package opens a file, a socket or a database, and time and randomness come in
// as arguments, so that every decision can be tabled, fuzzed, replayed and shown
// to both parties. The packages below adapt it to the world: db keeps the values
// in Postgres, jobs carries out what was decided, graph and server speak to
// clients.
package proofback
