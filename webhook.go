package proofback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks 1.0.0.
const (
	HeaderWebhookID        = "webhook-id"
	HeaderWebhookTimestamp = "webhook-timestamp" // Unix seconds
	HeaderWebhookSignature = "webhook-signature"
)

// webhookSecretPrefix begins a symmetric secret; the key in base64 follows.
const webhookSecretPrefix = "whsec_"

// SignWebhook gives the signature of a message with a symmetric secret, as
// Standard Webhooks has it: "v1," and the base64 of the HMAC-SHA256 of id, time
// and body, with points between them. A secret that is not in the standard's
// form is taken as the key's bytes.
func SignWebhook(secret, id string, at time.Time, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, webhookSecretPrefix))
	if err != nil || !strings.HasPrefix(secret, webhookSecretPrefix) {
		key = []byte(secret)
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	_, _ = mac.Write(body) // a hash takes everything
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// SignWebhookWithAll is SignWebhook with several secrets: while one takes the place
// of another, the header holds a signature of each, with spaces between them, and
// a receiver that knows either is content.
func SignWebhookWithAll(secrets []string, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		signatures[i] = SignWebhook(secret, id, at, body)
	}
	return strings.Join(signatures, " ")
}
