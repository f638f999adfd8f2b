//go:build !race

package graph_test

import "time"

// answeredWithin is how soon an attack is answered.
const answeredWithin = 10 * time.Millisecond
