//go:build race

package graph_test

import "time"

// answeredWithin is how soon an attack is answered, with every access to memory watched.
const answeredWithin = 150 * time.Millisecond
