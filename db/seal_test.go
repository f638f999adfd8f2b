package db_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/proofback/proofback/db"
)

// Partners paste secrets into URLs as they are, where a plus would be a blank.
func TestASecretCanStandInAURL(t *testing.T) {
	t.Parallel()
	for range 200 {
		secret := db.NewSecret()
		encoded, ok := strings.CutPrefix(secret, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) != 24 || strings.ContainsAny(encoded, "+/=") {
			t.Fatalf("%q: %d bytes, %v", secret, len(key), err)
		}
	}
}
