package jobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/proofback/proofback"
)

// FromProofback reports whether a request is ours, recent, and as we sent it. The
// body are its bytes as they came: of a GET, none.
func FromProofback(header http.Header, body []byte, secret string, now time.Time) bool {
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", header.Get("webhook-id"), header.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, given := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}

// caseTest finds the names of tests in docs/outbound-cases.md.
var caseTest = regexp.MustCompile("`(Test\\w+)`")

func TestTheTestsOfTheOutboundCasesAreThere(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/outbound-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "outbound/*_test.go", "../server/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(code)
		}
	}
	named := caseTest.FindAllStringSubmatch(string(text), -1)
	for _, name := range named {
		if !strings.Contains(tests.String(), "func "+name[1]+"(t *testing.T)") {
			t.Errorf("%s is named, and not there", name[1])
		}
	}
	if len(named) < 17 {
		t.Errorf("%d tests are named", len(named))
	}
}

// What affiliates are told to check a signature with stands above as they read it.
func TestTheSignatureCheckForAffiliatesWorksAsWritten(t *testing.T) {
	t.Parallel()
	read := func(path, from, to string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, after, ok := strings.Cut(string(text), "\n"+from)
		before, _, found := strings.Cut(after, to)
		if !ok || !found {
			t.Fatalf("%s has no example", path)
		}
		return before
	}
	const begin = "// FromProofback reports"
	if read("../docs/deliveries.md", begin, "```") != read("docs_test.go", begin, "\n// caseTest finds") {
		t.Error("the example in docs/deliveries.md is another")
	}
	f := setup(t)
	rec := receive(t, ok)
	f.start(t)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		before := len(rec.got())
		destination, old := f.destination(t, rec.URL, func(d *proofback.Destination) { d.Method = method })
		_, secret, err := f.store.RotateDestinationSecret(t.Context(), f.owner(), destination, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		f.await(t, proofback.DeliveryDelivered, f.approve(t, 1, nil)...)
		r, now := rec.got()[before], time.Now()
		for _, step := range []struct {
			secret, body string
			now          time.Time
			want         bool
		}{
			{secret, r.body, now, true},
			{old, r.body, now, true},
			{secret, r.body + " ", now, false},
			{secret, r.body, now.Add(time.Hour), false},
			{"whsec_" + base64.StdEncoding.EncodeToString([]byte("somebody else's")), r.body, now, false},
		} {
			if got := FromProofback(r.header, []byte(step.body), step.secret, step.now); got != step.want {
				t.Errorf("%s: it says %t of %+v", method, got, step)
			}
		}
		f.exec(t, `UPDATE destinations SET enabled = false`)
	}
}
