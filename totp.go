package proofback

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, which every authenticator app knows; HMAC does not need collisions to be hard
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// totpStep is how long a code is shown (RFC 6238, section 5.2).
const totpStep = 30 * time.Second

// TOTPCode is the code of six digits that an authenticator shows in a step of time.
func TOTPCode(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, step) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf // RFC 4226, section 5.3
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// TOTPStep gives the step that a code is of: the running one, or one beside it, for
// clocks that differ; false where it is of none. Who takes a code has to refuse steps up
// to the last one that was taken, lest it is used twice.
func TOTPStep(secret []byte, code string, now time.Time) (int64, bool) {
	running := now.Unix() / int64(totpStep.Seconds())
	for _, step := range []int64{running, running - 1, running + 1} {
		if hmac.Equal([]byte(TOTPCode(secret, step)), []byte(code)) {
			return step, true
		}
	}
	return 0, false
}

// TOTPSecret is how a secret is typed into an authenticator.
func TOTPSecret(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TOTPURI is what an authenticator reads off a QR code.
func TOTPURI(issuer, account string, secret []byte) string {
	label := url.PathEscape(issuer) + ":" + url.PathEscape(account)
	return "otpauth://totp/" + label + "?secret=" + TOTPSecret(secret) + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
}
