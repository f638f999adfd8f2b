package proofback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Pseudonym stands for an identifier that is personal data, such as an e-mail
// address sent as a transaction id: the same value always gets the same one, so
// that events are still told apart, and the value itself is gone. It is keyed
// with the oldest click key, so that guessed addresses cannot be tried out on a
// copy of the database.
func (k *ClickKeys) Pseudonym(value string) string {
	return "masked-" + hex.EncodeToString(keyedHash(k.names, value)[:16])
}

func keyedHash(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
