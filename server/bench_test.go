package main_test

import (
	"strings"
	"testing"
)

// One short run of each kind: what it tells is worth nothing, but the servers,
// the generator and the count of what was stored are those of a long one.
func TestABenchmarkCountsWhatItWasPromisedAndHoldsItToItsFloor(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	quick := []string{"--rounds=1", "--warmup=100ms", "--duration=400ms", "--connections=8", "--dir=" + dir}

	code, out, said := runToEnd(t, append([]string{"bench", "click", "--rates=100", "--floor=8=0.0001", "--ceiling=100/s=1m"}, quick...))
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, said)
	}
	for _, want := range []string{"net/http, nothing stored", "one INSERT each", "100/s", `answers "302"`} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}

	code, out, said = runToEnd(t, append([]string{"bench", "cost", "--clicks=500", "--idle=300ms"}, quick...))
	if code != 0 || !strings.Contains(out, "click, at full speed") || !strings.Contains(out, "outbound postback") || !strings.Contains(out, "idle for") {
		t.Errorf("exit code %d\n%s\n%s", code, out, said)
	}

	code, out, said = runToEnd(t, append([]string{"bench", "duplicates", "--clicks=2000", "--floor=8=50"}, quick...))
	if code != 1 || !strings.Contains(said, "below the floor of 50") {
		t.Errorf("exit code %d below the floor: %s", code, said)
	}
	for _, want := range []string{"proofback, half twice", "conversions", "deliveries", "200 duplicate", "all in the log"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}

	code, out, said = runToEnd(t, append([]string{"bench", "subscribers", "--clicks=3000", "--rates=50"}, quick...))
	if code != 0 || !strings.Contains(out, "staff, all of each") || !strings.Contains(out, "affiliates, of their own") {
		t.Fatalf("exit code %d\n%s\n%s", code, out, said)
	}

	code, out, said = runToEnd(t, append([]string{"bench", "graphql", "--clicks=3000", "--rates=20", "--floor=8=0.0001"}, quick...))
	if code != 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, out, said)
	}
	for _, want := range []string{"the same SQL without RLS", "the same SQL with RLS", "20/s"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}
}

func TestReportsAreMeasuredAndHeldToTheirGoals(t *testing.T) {
	t.Parallel()
	code, out, said := runToEnd(t, []string{
		"bench", "reports", "--rounds=1", "--warmup=100ms", "--duration=400ms", "--connections=8", "--per-day=400", "--millions=7",
		"--dir=" + dataDir(t), "--explain", "--ceiling=network=1h;affiliate-sub1=1ns",
	})
	if code != 1 || !strings.Contains(said, "affiliate-sub1: ") || strings.Contains(said, "network: ") {
		t.Errorf("exit code %d with one goal missed: %s", code, said)
	}
	for _, want := range []string{"31 days, ", "counted by plain SQL", "times as fast as raw", "20 days by day and offer", "rollup_pairs_key", "MB more memory at most", "to keep it rolled up", "to note a conversion for the counts"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}
}

func TestTheBenchmarkOfDeliveriesLosesNone(t *testing.T) {
	t.Parallel()
	quick := []string{"bench", "deliveries", "--rounds=1", "--warmup=200ms", "--duration=600ms", "--clicks=3000", "--deliveries=600", "--postback-rate=100", "--dir=" + dataDir(t)}
	code, out, said := runToEnd(t, append(quick, "--only=backlog", "--floor=backlog=0.0001"))
	if code != 0 || !strings.Contains(out, "River, a row per attempt") {
		t.Fatalf("exit code %d\n%s\n%s", code, out, said)
	}
	code, out, said = runToEnd(t, append(quick, "--only=latency", "--ceiling=latency=1ns"))
	if code != 1 || !strings.Contains(said, "latency: p99 of") || !strings.Contains(out, "p99 of the others") {
		t.Errorf("exit code %d\n%s\n%s", code, out, said)
	}
}

func TestAComparisonOfListsIsMeasuredAndItsResultCounted(t *testing.T) {
	t.Parallel()
	code, out, said := runToEnd(t, []string{"bench", "reconcile", "--rounds=1", "--lines=2000", "--dir=" + dataDir(t), "--ceiling=compared=1ns"})
	if code != 1 || !strings.Contains(said, "compared: p99 of") {
		t.Errorf("exit code %d with its goal missed: %s", code, said)
	}
	for _, want := range []string{"2160 lines against 2000 conversions", "the list is taken in", "it is compared", "every planted difference was found, and no other"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing is said of %q:\n%s", want, out)
		}
	}
}
