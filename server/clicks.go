package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/spool"
	"github.com/proofback/proofback/server/ingest"
)

// maxSpoolMB keeps a slip of the finger from filling a disk.
const maxSpoolMB = 1 << 20

func (s *Settings) checkSpool() error {
	mb, err := strconv.Atoi(cmp.Or(s.SpoolMB, "1024"))
	if err != nil || mb < 0 || mb > maxSpoolMB {
		return wrong("PROOFBACK_SPOOL_MB", "is %q: expected a number of megabytes, or 0 for no spool", s.SpoolMB)
	}
	s.spoolBytes = int64(mb) << 20
	return nil
}

// spoolDir is where clicks of a network are kept while Postgres is away: those of
// different networks never mix, whatever DATABASE_URL says from start to start.
func (s *Settings) spoolDir(network string) string { return filepath.Join(s.DataDir, "spool", network) }

// setupPath is where the set-up is kept for a start while Postgres is away.
func (s *Settings) setupPath() string { return filepath.Join(s.DataDir, "setup") }

// openClicks makes what stores clicks, in Postgres or in the spool.
func (p *program) openClicks(ctx context.Context) error {
	if !p.role.ingests() {
		return nil
	}
	c := db.ClickWriterConfig{Observe: p.metrics.batch(batchClicks), Unreached: p.unreached != nil}
	c.Spool = p.spool
	var err error
	if p.clicks, err = p.store.NewClickWriter(ctx, p.setup, c); err != nil {
		return err
	}
	p.metrics.queue(batchClicks, p.clicks.QueueLength, p.clicks.QueueLimit())
	p.metrics.queue(clickBytes, p.clicks.QueueBytes, p.clicks.QueueLimitBytes())
	p.life.onStop("clicks", p.clicks.Close)
	if p.spool != nil {
		p.metrics.spool(p.spool, p.settings.spoolBytes, p.clicks.Drained)
	}
	p.visits, err = p.newVisits()
	return err
}

// openSpool opens the network's spool, where one is wanted.
func (p *program) openSpool(context.Context) error {
	s := p.settings
	if s.spoolBytes == 0 || !p.role.ingests() {
		return nil
	}
	err := os.MkdirAll(s.DataDir, 0o755) // Postgres, where it is embedded, runs as another user
	if err == nil {
		p.spool, err = spool.Open(spool.Config{Dir: s.spoolDir(p.network), Quota: s.spoolBytes, Log: p.log})
	}
	if err != nil {
		return wrong("PROOFBACK_DATA_DIR", "is %q, where clicks cannot be kept while the database is away (%s): expected a folder that can be written to, or PROOFBACK_SPOOL_MB=0 to refuse clicks then", s.DataDir, oneLine(err))
	}
	p.life.onStop("spool", func(context.Context) error { return p.spool.Close() })
	p.ready.room = p.spool.Room
	return nil
}

// newVisits makes the handlers of clicks.
func (p *program) newVisits() (*ingest.Clicks, error) {
	s := p.settings
	var countries *ingest.GeoIP
	if s.GeoIPFile != "" {
		var err error
		if countries, err = ingest.OpenGeoIP(s.GeoIPFile); err != nil {
			return nil, wrong("PROOFBACK_GEOIP_FILE", "cannot be used (%s): expected a MaxMind database that tells countries", oneLine(err))
		}
	}
	return ingest.NewClicks(ingest.ClicksConfig{
		Setup:          p.setup,
		Writer:         p.clicks,
		Keys:           s.clickKeys,
		TrustedProxies: s.trustedProxies,
		CountryHeader:  s.CountryHeader,
		GeoIP:          countries,
		Log:            p.log,
		Now:            p.clock.Now,
	}), nil
}
