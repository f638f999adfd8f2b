package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// median is the middle of some values; the mean of the two in the middle where
// their number is even.
func median[T float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// describe says what was measured on what.
func (s *suite) describe(ctx context.Context) error {
	var version string
	if err := s.bed.store.Pool().QueryRow(ctx, `SHOW server_version`).Scan(&version); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "proofback bench %s, %s\n%d cores%s, %s/%s, %s, Postgres %s%s\n%s, generator and Postgres on the same machine\n",
		s.Suite, time.Now().UTC().Format("2006-01-02 15:04 UTC"),
		runtime.NumCPU(), fromProc("/proc/cpuinfo", "model name", " (%s)"), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		strings.Fields(version)[0], loadBefore(), s.manner())
	return err
}

// manner says how it is measured.
func (s *suite) manner() string {
	if s.Suite == "reconcile" {
		return fmt.Sprintf("%d rounds", s.Rounds)
	}
	if s.Suite == "cost" {
		return fmt.Sprintf("each for %s, beside %d stored clicks", s.Duration, s.Clicks)
	}
	return fmt.Sprintf("medians of %d rounds of %s each", s.Rounds, s.Duration)
}

// fromProc gives the value of a "name : value" line of a file, in a format, or
// nothing where there is none.
func fromProc(path, name, format string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return fmt.Sprintf(format, strings.TrimSpace(value))
		}
	}
	return ""
}

// loadBefore tells how busy the machine was without us: a run on a busy one is
// worth little.
func loadBefore() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	return ", load average before: " + strings.Fields(string(text))[0]
}

// print tells what a comparison came to.
func (s *suite) print(row string, all []figures) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s\tper second\tratio\tspread\tp50\tp99\tCPU µs each: server\tPostgres\tgenerator\tothers' cores\t\n", row)
	for i := range all {
		f := &all[i]
		each := func(d time.Duration) string {
			if d == 0 || f.requests == 0 {
				return "-"
			}
			return fmt.Sprintf("%.1f", d.Seconds()*1e6/float64(f.requests))
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", f.name, grouped(median(f.perSecond)), median(f.ratio), spread(f.ratio),
			short(median(f.p50)), short(median(f.p99)), each(f.server), each(f.postgres), each(f.loads), cores(f.others, f.elapsed))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.Copy(s.out, &b)
	return err
}

// cores is how many cores were busy for a time.
func cores(cpu, elapsed time.Duration) string {
	if elapsed == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", cpu.Seconds()/elapsed.Seconds())
}

// spread is the least and the most of some ratios.
func spread(ratios []float64) string {
	return fmt.Sprintf("%.2f–%.2f", slices.Min(ratios), slices.Max(ratios))
}

// grouped writes a number with a comma every three digits.
func grouped(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short is a duration in two or three digits.
func short(d time.Duration) string {
	digits := max(0, int(math.Log10(float64(cmp.Or(d, 1)))))
	unit := time.Duration(math.Pow10(max(0, digits-2)))
	return d.Round(unit).String()
}
