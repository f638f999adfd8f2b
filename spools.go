package proofback

import "time"

// SpoolNotice is what a process last said of the clicks that it keeps in its
// spool because it could not store them.
type SpoolNotice struct {
	// Since and Until are when the oldest and the newest of them were made; zero
	// when it keeps none.
	Since, Until time.Time
	// SeenAt is when it said so; zero when this is what it keeps at this moment.
	SeenAt time.Time
}

const (
	// spoolSlack is more than passes between the making of a click and its being in
	// the spool, and than clocks differ.
	spoolSlack = 10 * time.Second
	// spoolSilence is how long a process that says nothing any more is taken to go
	// on making clicks: it may be cut off from the database alone.
	spoolSilence = 24 * time.Hour
	// clickWait is how long a postback waits for its click to be stored.
	clickWait = 24 * time.Hour
)

// MayHold reports whether a click that was made at a moment may be in the spool.
func (n SpoolNotice) MayHold(made time.Time) bool {
	if !n.Since.IsZero() && !made.Before(n.Since) && !made.After(n.Until) {
		return true
	}
	if n.SeenAt.IsZero() {
		return false
	}
	return made.After(n.SeenAt.Add(-spoolSlack)) && made.Before(n.SeenAt.Add(spoolSilence))
}
