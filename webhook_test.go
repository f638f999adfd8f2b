package proofback

import (
	"testing"
	"time"
)

// The example of the standard's own documents.
func TestSignWebhookAsTheStandardDoes(t *testing.T) {
	t.Parallel()
	const (
		secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		id     = "msg_p5jXN8AQM9LWM0D4loKWxJek"
		body   = `{"test": 2432232314}`
		want   = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	)
	at := time.Unix(1614265330, 0)
	if got := SignWebhook(secret, id, at, []byte(body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, other := range map[string]string{
		"secret": SignWebhook("whsec_AAAA", id, at, []byte(body)),
		"id":     SignWebhook(secret, id+"x", at, []byte(body)),
		"time":   SignWebhook(secret, id, at.Add(time.Second), []byte(body)),
		"body":   SignWebhook(secret, id, at, []byte(body+" ")),
		"form":   SignWebhook("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id, at, []byte(body)),
	} {
		if other == want {
			t.Errorf("another %s has the same signature", name)
		}
	}
}
