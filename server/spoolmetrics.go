package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/proofback/proofback/db/spool"
)

// spool tells of the clicks that are kept while Postgres is away.
func (m *metrics) spool(files *spool.Spool, quota int64, drained func() int64) {
	for _, g := range []struct {
		name, help string
		value      func(spool.Stats) float64
	}{
		{"proofback_spool_bytes", "How much of the spool's quota is used.", func(s spool.Stats) float64 { return float64(s.Bytes) }},
		{"proofback_spool_limit_bytes", "The spool's quota: when it is used up, clicks are refused while Postgres is away.", func(spool.Stats) float64 { return float64(quota) }},
		{"proofback_spool_records", "How many clicks are in the spool.", func(s spool.Stats) float64 { return float64(s.Records) }},
		{"proofback_spool_oldest_age_seconds", "How long ago the oldest click in the spool was made; 0 when there is none.", func(s spool.Stats) float64 {
			if s.Oldest.IsZero() {
				return 0
			}
			return time.Since(s.Oldest).Seconds()
		}},
	} {
		m.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, func() float64 { return g.value(files.Stats()) }))
	}
	for _, c := range []struct {
		name, help string
		value      func() int64
	}{
		{"proofback_spool_appended_total", "Clicks that were kept in the spool.", func() int64 { return files.Stats().Appended }},
		{"proofback_spool_drained_total", "Clicks that were moved from the spool into the database.", drained},
		{"proofback_spool_torn_total", "Half records at the end of a spool that were skipped after a crash: nobody was told that they were kept.", func() int64 { return files.Stats().Torn }},
		{"proofback_spool_corrupt_total", "Damaged places and unusable records in the spool; their segments are kept in its folder damaged.", func() int64 { return files.Stats().Corrupt }},
	} {
		m.add(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: c.name, Help: c.help}, func() float64 { return float64(c.value()) }))
	}
}
