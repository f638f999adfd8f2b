package main

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// pools tell of the connections to Postgres.
type pools struct {
	stats func() map[string]*pgxpool.Stat
}

var (
	poolOpen  = poolDesc("connections", "Open connections to Postgres.")
	poolBusy  = poolDesc("connections_busy", "Connections to Postgres that are in use.")
	poolLimit = poolDesc("connections_limit", "The most connections that may be open.")
	poolWaits = poolDesc("waits_total", "How often a connection had to be waited for.")
	poolWait  = poolDesc("wait_seconds_total", "How long connections were waited for.")
)

func poolDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("proofback_db_"+name, help, []string{"pool"}, nil)
}

// Describe implements prometheus.Collector.
func (p *pools) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{poolOpen, poolBusy, poolLimit, poolWaits, poolWait} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (p *pools) Collect(to chan<- prometheus.Metric) {
	for name, s := range p.stats() {
		for _, m := range []struct {
			desc  *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{poolOpen, prometheus.GaugeValue, float64(s.TotalConns())},
			{poolBusy, prometheus.GaugeValue, float64(s.AcquiredConns())},
			{poolLimit, prometheus.GaugeValue, float64(s.MaxConns())},
			{poolWaits, prometheus.CounterValue, float64(s.EmptyAcquireCount())},
			{poolWait, prometheus.CounterValue, s.EmptyAcquireWaitTime().Seconds()},
		} {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value, name)
		}
	}
}
