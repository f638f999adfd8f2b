package main

import (
	"strconv"
	"strings"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/jobs/outbound"
)

func (s *Settings) checkOutbound() error {
	for _, text := range s.OutboundPorts {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		r, ok := readPorts(text)
		if !ok {
			return wrong("PROOFBACK_OUTBOUND_PORTS", "names %q: expected ports from 1 to 65535 and ranges of them separated by commas, such as 80,443,8000-8999", text)
		}
		s.outboundPorts = append(s.outboundPorts, r)
	}
	if s.OutboundRetries == "" {
		s.retries = proofback.DefaultRetryPolicy()
		return nil
	}
	var err error
	if s.retries, err = proofback.ParseRetryPolicy(s.OutboundRetries); err != nil {
		return wrong("PROOFBACK_OUTBOUND_RETRIES", "is %q (%s): expected waits separated by commas, such as 15s,1m,4m, or none", s.OutboundRetries, oneLine(err))
	}
	return nil
}

// outbound says where requests of ours may go. The demo's may go to its own sink.
func (p *program) outbound() outbound.Config {
	c := outbound.Config{Allow: p.settings.outboundAllow, Ports: p.settings.outboundPorts}
	if p.settings.demo {
		c.AllowAddrs = sinkAddrs(p.listener.Addr())
	}
	return c
}

// readPorts reads a port, or the first and the last one of a range.
func readPorts(text string) (outbound.PortRange, bool) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 16)
	to, err2 := strconv.ParseUint(last, 10, 16)
	return outbound.PortRange{From: uint16(from), To: uint16(to)}, err1 == nil && err2 == nil && 0 < from && from <= to
}
