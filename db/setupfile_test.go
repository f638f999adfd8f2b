package db_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// nowhere is a Store whose Postgres is away.
func nowhere(t testing.TB) *db.Store {
	t.Helper()
	s, err := db.OpenAway(t.Context(), db.Config{URL: "postgres://nobody@127.0.0.1:1/nothing"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// keptLink gives a link as a process finds it that starts while Postgres is away.
func keptLink(t testing.TB, path, code string) *db.Link {
	t.Helper()
	u, network, err := nowhere(t).RestoreSetup(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || network != "socks" {
		t.Fatalf("network %q, %v", network, err)
	}
	l, _ := u.Snapshot().Link(code)
	return l
}

func TestTheSetupIsKeptForAStartWithoutPostgres(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	path := filepath.Join(t.TempDir(), "setup")
	u := n.setup(t)
	u.KeepIn(path, "socks")
	run(t, u)
	eventually(t, 10*time.Second, "the set-up is kept", func() bool { return keptLink(t, path, "first") != nil })

	was, err := u.Link(t.Context(), "first")
	if err != nil {
		t.Fatal(err)
	}
	is := keptLink(t, path, "first")
	if diff := cmp.Diff(was.Terms, is.Terms); diff != "" || is.ID != was.ID || is.Access != was.Access {
		t.Errorf("terms (-kept +restored):\n%s", diff)
	}
	if is.Affiliate.ID != n.affiliate || is.Affiliate.Status != proofback.PartnerActive || is.Advertiser.ID != n.advertiser || is.Advertiser.Status != proofback.PartnerActive {
		t.Errorf("%+v, %+v", is.Affiliate, is.Advertiser)
	}
	c := visit(t, 1)
	if was, is := was.Landing.URL(&c, "first", "id"), is.Landing.URL(&c, "first", "id"); was != is {
		t.Errorf("sent to %s instead of %s", is, was)
	}
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}

	n.putTerms(t, func(terms *proofback.Terms) { terms.LandingURL = "https://shop.example/new?c={click_id}" })
	n.link(t, "second")
	eventually(t, 20*time.Second, "changes are kept too", func() bool {
		l := keptLink(t, path, "second")
		return l != nil && l.Terms.ID == n.terms.ID
	})
}

func TestADamagedSetupIsNotRestored(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	path := filepath.Join(t.TempDir(), "setup")
	u := n.setup(t)
	u.KeepIn(path, "socks")
	run(t, u)
	eventually(t, 10*time.Second, "the set-up is kept", func() bool { return keptLink(t, path, "first") != nil })
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, b := range map[string][]byte{"flipped": flipped, "cut": whole[:len(whole)-3], "empty": {}, "foreign": []byte("something else entirely")} {
		damaged := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(damaged, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := nowhere(t).RestoreSetup(damaged); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestALinkThatIsNotKnownWithoutPostgresIsNotCalledUnknown(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	path := filepath.Join(t.TempDir(), "setup")
	u := n.setup(t)
	u.KeepIn(path, "socks")
	run(t, u)
	eventually(t, 10*time.Second, "the set-up is kept", func() bool { return keptLink(t, path, "first") != nil })
	restored, _, err := nowhere(t).RestoreSetup(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := restored.Link(t.Context(), "newer"); proofback.CodeOf(err) != proofback.CodeUnavailable {
		t.Errorf("got %v", err)
	}
}

// A disk that is busy has no link wait for longer than it takes to write it: who is
// killed meanwhile starts without the link while Postgres is away.
func TestALinkIsKeptSoonThoughTheDiskIsSlow(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, dbtest.Open(t))
	path := filepath.Join(t.TempDir(), "setup")
	u := n.setup(t)
	u.KeepOnDisk(path, "socks", 500*time.Millisecond)
	run(t, u)
	eventually(t, 10*time.Second, "the set-up is kept", func() bool { return keptLink(t, path, "first") != nil })
	n.link(t, "second")
	eventually(t, 5*time.Second, "the link is kept", func() bool { return keptLink(t, path, "second") != nil })
}
