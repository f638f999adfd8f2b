package proofback

import (
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsMaskedWhereverItStands(t *testing.T) {
	t.Parallel()
	const secret = "whsec_a+b/cdefghijklmnopqrstuvwxyz012="
	key := strings.TrimPrefix(secret, "whsec_")
	g := &Guard{Secrets: []string{"whsec_another", secret}}
	for sent, want := range map[string]string{
		"/postback?tok=" + url.QueryEscape(secret) + "&a=b":                        "/postback?tok=***&a=b",
		"/postback?to=" + url.QueryEscape("/x?tok="+url.QueryEscape(secret)):       "/postback?to=%2Fx%3Ftok%3D***",
		"as it is: " + secret + ", and its key: " + key:                            "as it is: ***, and its key: ***",
		"not encoded, so that blanks came of it: whsec_" + key[:1] + " " + key[2:]: "not encoded, so that blanks came of it: ***",
		"whsec_somebody else's": "whsec_somebody else's",
	} {
		if got := g.Redact(sent); got != want {
			t.Errorf("%s is kept as %s, want %s", sent, got, want)
		}
	}
	if got := (*Guard)(nil).Redact(secret); got != secret {
		t.Errorf("nobody's guard masks %q", got)
	}
}

func TestASecretUnderAWrongNameIsNotKept(t *testing.T) {
	t.Parallel()
	const secret = "whsec_a+b/cdefghijklmnopqrstuvwxyz012="
	escaped := url.QueryEscape(secret)
	query := "tok=" + escaped + "&txid=" + escaped + "&sub3=x" + escaped + "&status=" + escaped + "&" + escaped + "={macro}&event=" + escaped
	r := ReadRequest(PostbackRequest{Method: "GET", RawQuery: query}, Credentials{}, Sender{Guard: &Guard{Mode: SecurityToken, Secrets: []string{secret}}}, testClickKeys(t))
	for _, p := range r.Parameters {
		if strings.Contains(p.Name+p.Value, "whsec") {
			t.Errorf("parameter %q=%q is kept", p.Name, p.Value)
		}
	}
	for _, p := range r.Problems {
		if strings.Contains(p.Detail, "whsec") {
			t.Errorf("the sender is told %q", p.Detail)
		}
	}
	if all := r.Claim.TxID + r.Claim.EventType + strings.Join(r.Claim.Subs[:], ""); strings.Contains(all, "whsec") || r.Claim.TxID == "" {
		t.Errorf("claimed %q", all)
	}
}
