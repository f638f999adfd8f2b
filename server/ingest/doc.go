// Package ingest serves what the outside world calls: tracking links, clicks
// without a redirect, postbacks and pixels. A handler reads its request into
// values, has them judged by the rules of the root package, has the outcome
// stored by db, and only then answers: whoever got an answer can rely on it.
// What could not be stored is a 503 with Retry-After.
package ingest
