package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// unreadable puts a folder in a segment's place, which is refused to whoever reads it
// as a file on a broken disk is, to root as well. It gives how to put things right.
func unreadable(t testing.TB, path string) (mend func()) {
	t.Helper()
	if err := errors.Join(os.Rename(path, path+".whole"), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(path), os.Rename(path+".whole", path)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASegmentThatCannotBeReadKeepsNobodyFromStarting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, func(c *Config) { c.SegmentBytes = 70 }) // two records
	put(t, s, "one", "two", "three", "four", "five")
	die(s)
	unreadable(t, segments(t, dir)[1])
	heir, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = heir.Close() })
	put(t, heir, "six")
}

func TestTheFoldersBehindOneThatCannotBeTakenAreTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, c := open(t, dir), open(t, dir), open(t, dir)
	put(t, a, "of a")
	put(t, b, "of b")
	die(a)
	die(b)
	first := min(a.ID().String(), b.ID().String())
	lock := filepath.Join(dir, first, lockName)
	if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.TakeOver(); n != 1 || err == nil {
		t.Errorf("took over %d, %v", n, err)
	}
	if d := open(t, dir); d.ID() == c.ID() {
		t.Error("two processes use one folder")
	}
}

// The second process to die over a segment did not write it, so half a record at its
// end is no more damage than it was when the first one died.
func TestATornEndIsNoDamageAfterAnotherDeath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dieTorn(t, dir)
	heir := open(t, dir)
	put(t, heir, "three")
	die(heir)
	last := open(t, dir)
	if got := drain(t, last); !slices.Equal(got, []string{"one", "three"}) {
		t.Errorf("got %q", got)
	}
	if stats := last.Stats(); stats.Corrupt != 0 {
		t.Errorf("stats: %+v", stats)
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, damagedName, "*")); len(kept) > 0 {
		t.Errorf("kept to be looked at: %q", kept)
	}
}

// Processes are replaced one at a time, and each finds the folder of the one before.
func TestFoldersDoNotAddUpOverRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := []*Spool{open(t, dir), open(t, dir)}
	for i := range 20 {
		stay, leave := running[1], running[0]
		if i%2 == 0 {
			put(t, leave, "something")
		}
		if err := leave.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := stay.TakeOver(); err != nil {
				t.Fatal(err)
			}
			drain(t, stay)
			if err := stay.DropEmpty(); err != nil {
				t.Fatal(err)
			}
		}
		running = []*Spool{stay, open(t, dir)}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 4 { // the lock, two folders, and one that was just left
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// What is in the way of a segment costs the clicks that wait for it, and no others.
func TestANumberThatIsTakenIsPassedOver(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	if err := os.WriteFile(filepath.Join(s.own.path, "00000001"+segmentSuffix), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), Record{someTime, []byte("refused")}); !errors.Is(err, os.ErrExist) {
		t.Fatalf("got %v", err)
	}
	put(t, s, "one")
	if got := drain(t, s); !slices.Equal(got, []string{"one"}) {
		t.Errorf("got %q", got)
	}
}

func TestWhatCannotBeReadIsPassedOverAndTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, func(c *Config) { c.SegmentBytes = 70 }) // two records
	put(t, s, "one", "two", "three", "four", "five")
	mend := unreadable(t, segments(t, dir)[0])
	first := s.Next()
	if _, err := first.Records(); err == nil {
		t.Fatal("it was read")
	}
	got := []string{}
	for g := s.Next(first); g != nil; g = s.Next(first) {
		records, err := g.Records()
		if err = errors.Join(err, s.Done(g, 0)); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got = append(got, string(r.Payload))
		}
	}
	if !slices.Equal(got, []string{"three", "four", "five"}) {
		t.Errorf("got %q", got)
	}
	if h := s.Holdings(); h[0].Records != 2 {
		t.Errorf("holdings: %+v", h)
	}
	mend()
	if got := drain(t, s); !slices.Equal(got, []string{"one", "two"}) || s.Stats().Bytes != 0 {
		t.Errorf("got %q, %+v", got, s.Stats())
	}
}

func TestSegmentsAreBegunWhileFoldersAreTakenOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, func(c *Config) { c.SegmentBytes = 40 })
	var dead []*Spool
	for range 20 {
		dead = append(dead, open(t, dir))
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, d := range dead {
			die(d)
			if _, err := s.TakeOver(); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 50 {
		put(t, s, "one", "two")
	}
	<-ended
	if got := drain(t, s); len(got) != 100 {
		t.Errorf("got %q", got)
	}
}

// The numbers of segments begin anew with each process that finds the folder empty.
func TestADamagedSegmentDoesNotTakeThePlaceOfAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		s := open(t, dir)
		put(t, s, "nonsense")
		if err := errors.Join(s.Done(s.Next(), 1), s.Close()); err != nil {
			t.Fatal(err)
		}
		if kept, _ := filepath.Glob(filepath.Join(dir, damagedName, "*")); len(kept) != i+1 {
			t.Fatalf("kept: %q", kept)
		}
	}
}
