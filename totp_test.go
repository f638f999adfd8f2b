package proofback

import (
	"strings"
	"testing"
	"time"
)

// The last six digits of RFC 6238's test vectors (appendix B, SHA-1).
func TestTOTPCodesAreThoseOfTheRFC(t *testing.T) {
	t.Parallel()
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := TOTPCode(secret, at/30); got != want {
			t.Errorf("at %d: got %s, want %s", at, got, want)
		}
		if step, ok := TOTPStep(secret, want, time.Unix(at, 0)); !ok || step != at/30 {
			t.Errorf("at %d: step %d, %v", at, step, ok)
		}
	}
}

func TestACodeIsGoodForTheStepsBesideItsOwn(t *testing.T) {
	t.Parallel()
	secret, now := []byte("12345678901234567890"), time.Unix(1_000_000_000, 0)
	code := TOTPCode(secret, now.Unix()/30)
	for after, want := range map[time.Duration]bool{-90 * time.Second: false, -30 * time.Second: true, 0: true, 30 * time.Second: true, 90 * time.Second: false} {
		if _, ok := TOTPStep(secret, code, now.Add(after)); ok != want {
			t.Errorf("after %v: %v", after, ok)
		}
	}
	for _, code := range []string{"", "12345", code + "0", " " + code} {
		if _, ok := TOTPStep(secret, code, now); ok {
			t.Errorf("%q is taken", code)
		}
	}
}

func TestAnAuthenticatorReadsTheURI(t *testing.T) {
	t.Parallel()
	got := TOTPURI("Proofback go.network.example", "kim@network.example", []byte("12345678901234567890"))
	if want := "otpauth://totp/Proofback%20go.network.example:kim@network.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Proofback%20go.network.example"; got != want {
		t.Errorf("got %s", got)
	}
	if strings.Contains(got, "+") {
		t.Error("apps show a plus as it stands")
	}
}
