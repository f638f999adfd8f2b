package db_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// BenchmarkClickWriter measures what a round of clicks costs, by how many come at once. They
// count for no cap.
func BenchmarkClickWriter(b *testing.B) {
	for _, visitors := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("%d at once", visitors), func(b *testing.B) {
			w := newWriter(b, dbtest.Open(b), db.ClickWriterConfig{})
			clicks := make([]proofback.Click, visitors)
			for i := range clicks {
				clicks[i] = visit(b, i)
			}
			for b.Loop() {
				var round sync.WaitGroup
				for i := range clicks {
					clicks[i].ID = uuid.Must(uuid.NewV7())
					clicks[i].At = proofback.UUIDTime(clicks[i].ID)
					round.Go(func() {
						if err := w.Write(b.Context(), &clicks[i]); err != nil {
							b.Error(err)
						}
					})
				}
				round.Wait()
			}
		})
	}
}
