package graph

import (
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// The server lets so many requests in at a time as there are places; a WebSocket, or a
// client that would take an answer by events, holds none and asks all the same.
func TestOperationsOfAllAreBoundedHoweverTheyAreSent(t *testing.T) {
	t.Parallel()
	c := newClients(0, maxAtOnce, maxFollowed)
	admit := func() (func(), error) {
		return c.admit(WithActor(t.Context(), proofback.Actor{Role: proofback.RoleManager, UserID: uuid.New()}))
	}
	var leave func()
	for i := range maxAtOnceOfAll {
		var err error
		if leave, err = admit(); err != nil {
			t.Fatalf("operation %d: %v", i, err)
		}
	}
	if _, err := admit(); proofback.CodeOf(err) != proofback.CodeRateLimited {
		t.Errorf("one too many: %v", err)
	}
	leave()
	if _, err := admit(); err != nil {
		t.Errorf("one has ended: %v", err)
	}
}
