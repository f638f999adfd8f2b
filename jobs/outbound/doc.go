// Package outbound makes HTTP requests to URLs that partners gave us.
//
// Such a URL is hostile until shown otherwise: it may name an address inside our
// own network, resolve to one later, redirect to one, hang, drip, or never end.
// So one Client stands between Proofback and all of them. It looks at the
// address that is dialled, after DNS and on every connection (guard.go); follows
// no redirect; takes no proxy from the environment; bounds every wait and every
// byte (client.go); and puts what came of it into one of a few classes
// (outcome.go), which is all that its callers decide by.
package outbound
