package main_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db/dbtest"
)

func TestATokenIsGoodWhereItsKeyIs(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	p := start(t, onDatabase(url)...)
	for _, c := range []struct {
		args []string
		role string
	}{
		{[]string{"--role=ADMIN"}, "ADMIN"},
		{[]string{"--role=MANAGER", "--ttl=5m"}, "MANAGER"},
		{[]string{"--role=AFFILIATE", "--affiliate=" + proofback.GlobalID(proofback.KindAffiliate, uuid.New())}, "AFFILIATE"},
		{[]string{"--role=ADVERTISER", "--advertiser=" + proofback.GlobalID(proofback.KindAdvertiser, uuid.New())}, "ADVERTISER"},
	} {
		code, token, stderr := runToEnd(t, append([]string{"token"}, c.args...), onDatabase(url)...)
		if code != 0 {
			t.Fatalf("%v: %s", c.args, stderr)
		}
		var got struct{ Viewer struct{ Role string } }
		p.graphql(strings.TrimSpace(token), `{ viewer { role } }`, nil, &got)
		if got.Viewer.Role != c.role {
			t.Errorf("%v gives a %q", c.args, got.Viewer.Role)
		}
	}
}

func TestATokenForNobodyIsRefused(t *testing.T) {
	t.Parallel()
	affiliate := proofback.GlobalID(proofback.KindAffiliate, uuid.New())
	secret := []string{"PROOFBACK_JWT_SECRET=" + testSecret}
	for _, c := range []struct{ args, settings, want []string }{
		{[]string{"--role=SYSTEM"}, secret, []string{"--role", "expected ADMIN"}},
		{[]string{"--role=BOSS"}, secret, []string{"--role", "BOSS", "expected ADMIN"}},
		{[]string{"--role=AFFILIATE"}, secret, []string{"--role", "with --affiliate"}},
		{[]string{"--role=ADMIN", "--affiliate=" + affiliate}, secret, []string{"--role", "expected ADMIN"}},
		{[]string{"--role=ADVERTISER", "--advertiser=" + affiliate}, secret, []string{"--advertiser", "Affiliate"}},
		{[]string{"--role=ADMIN", "--ttl=0s"}, secret, []string{"--ttl", "0s"}},
		{[]string{"--role=ADMIN"}, nil, []string{"PROOFBACK_JWT_SECRET", "none is kept in .data"}},
	} {
		wantRefusal(t, append([]string{"token"}, c.args...), c.settings, c.want...)
	}
}

func TestMigrateMakesASchemaThatServeTakes(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	for range 2 {
		code, out, stderr := runToEnd(t, []string{"migrate"}, "DATABASE_URL="+url)
		if code != 0 || !strings.Contains(out, "the database is at schema") {
			t.Fatalf("%d, %s%s", code, out, stderr)
		}
	}
	start(t, onDatabase(url)...).stop()
}

func TestHelpTellsOfEverySetting(t *testing.T) {
	t.Parallel()
	code, out, stderr := runToEnd(t, []string{"--help"})
	if code != 0 || stderr != "" {
		t.Errorf("%d, %s", code, stderr)
	}
	for _, want := range []string{
		"serve", "migrate", "token", "version",
		"DATABASE_URL", "PROOFBACK_DATA_DIR", "PROOFBACK_ADDR", "PROOFBACK_PUBLIC_URL", "PROOFBACK_JWT_SECRET",
		"PROOFBACK_JWKS_URL", "PROOFBACK_JWT_ISSUER", "PROOFBACK_JWT_AUDIENCE", "PROOFBACK_CURRENCY", "PROOFBACK_RATES_URL",
		"PROOFBACK_OUTBOUND_ALLOW", "PROOFBACK_TRUSTED_PROXIES", "PROOFBACK_DEMO",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if code, out, _ := runToEnd(t, []string{"version"}); code != 0 || !strings.HasPrefix(out, "proofback ") {
		t.Errorf("%d, %s", code, out)
	}
}
