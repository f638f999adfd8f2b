package proofback

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRetryPolicyStaysWithinItsCeilings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := RetryPolicy(rapid.SliceOf(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(maxRetryWait)).Draw(t, "ceiling"))
		})).Draw(t, "policy"))
		random := rapid.Float64Range(0, 0.999999).Draw(t, "random")
		for n, ceiling := range p {
			wait, ok := p.Wait(n+1, random)
			if !ok || wait < 0 || wait > ceiling+time.Millisecond {
				t.Fatalf("wait %d is %s, %t, with a ceiling of %s", n+1, wait, ok, ceiling)
			}
		}
		for _, n := range []int{-1, 0, p.Attempts(), p.Attempts() + 1} {
			if _, ok := p.Wait(n, random); ok {
				t.Fatalf("attempt %d of %d is followed by another", n, p.Attempts())
			}
		}
	})
}

func TestRetryPolicyIsReadFromText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]RetryPolicy{
		"none":                           {},
		"15s":                            {15 * time.Second},
		"15s, 1m,1h":                     {15 * time.Second, time.Minute, time.Hour},
		"":                               nil,
		"15":                             nil,
		"15s,,1m":                        nil,
		"-1s":                            nil,
		"0s":                             nil,
		"8d":                             nil,
		"169h":                           nil,
		"15s;1m":                         nil,
		strings.Repeat("1s,", 50) + "1s": nil,
	} {
		got, err := ParseRetryPolicy(text)
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%q gives %v, %v", text, got, err)
		}
	}
}

func TestDefaultRetryPolicyTakesAboutADay(t *testing.T) {
	t.Parallel()
	var mean time.Duration
	attempts := 1
	for n := 1; ; n++ {
		wait, ok := DefaultRetryPolicy().Wait(n, 0.5)
		if !ok {
			break
		}
		mean += wait
		attempts++
	}
	if attempts != 10 || mean < 20*time.Hour || mean > 28*time.Hour {
		t.Errorf("%d attempts over %s on average", attempts, mean)
	}
}

func TestRetryAfterIsHonouredWithinBounds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"12":                                12 * time.Second,
		" 12 ":                              12 * time.Second,
		"0":                                 MinRetryAfter,
		"99999999":                          MaxRetryAfter,
		"99999999999999999999999999999999":  MaxRetryAfter,
		"Sun, 22 Nov 2026 10:01:30 GMT":     90 * time.Second,
		"Sunday, 22-Nov-26 10:01:30 GMT":    90 * time.Second,
		"Sun Nov 22 10:01:30 2026":          90 * time.Second,
		"Sun, 22 Nov 2026 09:00:00 GMT":     MinRetryAfter,
		"Fri, 31 Dec 9999 23:59:59 GMT":     MaxRetryAfter,
		"Sun, 22 Nov 2026 10:01:30 +0000":   0,
		"-1":                                0,
		"1.5":                               0,
		"12s":                               0,
		"soon":                              0,
		"":                                  0,
		"\u0661\u0662":                      0,
		"2026-11-22T10:01:30Z":              0,
		"Sun, 22 Nov 2026 10:01:30 GMT, 12": 0,
	} {
		got, ok := RetryAfter(header, now)
		if got != want || ok != (want != 0) {
			t.Errorf("RetryAfter(%q) = %s, %t; want %s", header, got, ok, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("12")
	f.Add("Sun, 22 Nov 2026 10:01:30 GMT")
	f.Fuzz(func(t *testing.T, header string) {
		wait, ok := RetryAfter(header, time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
		if ok && (wait < MinRetryAfter || wait > MaxRetryAfter) || !ok && wait != 0 {
			t.Errorf("RetryAfter(%q) = %s, %t", header, wait, ok)
		}
	})
}
