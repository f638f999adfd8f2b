package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc on every Linux in use.
const clockTick = 10 * time.Millisecond

// processTimes are the CPU times that a process has used.
type processTimes struct {
	parent   int
	own      time.Duration
	children time.Duration // those that have ended
}

// readTimes reads /proc/PID/stat (proc(5)); it gives nothing where there is none.
func readTimes(pid string) (t processTimes, ok bool) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return t, false
	}
	// The name, in brackets, may hold anything; the fields are counted after it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return t, false
	}
	ticks := func(i int) time.Duration {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return time.Duration(n) * clockTick
	}
	t.parent, _ = strconv.Atoi(fields[1])
	t.own, t.children = ticks(11)+ticks(12), ticks(13)+ticks(14)
	return t, true
}

// cpuOf is the CPU time that a process has used, 0 where it cannot be told.
func cpuOf(pid int) time.Duration {
	t, _ := readTimes(strconv.Itoa(pid))
	return t.own
}

// cpuOfPostgres is the CPU time that the bed's cluster has used, with all its
// processes, those that have ended included.
func (b *bed) cpuOfPostgres() time.Duration {
	text, err := os.ReadFile(filepath.Join(b.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, ok := readTimes(first)
	if !ok {
		return 0
	}
	total := postmaster.own + postmaster.children
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range all {
		if t, ok := readTimes(filepath.Base(dir)); ok && strconv.Itoa(t.parent) == first {
			total += t.own
		}
	}
	return total
}

// cpuOfMachine is the CPU time that all processes have used, interrupts included, and
// that the machine wanted and its host gave to others; 0 where it cannot be told.
func cpuOfMachine() (total time.Duration) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	// proc(5): user, nice, system, idle, iowait, irq, softirq, steal, and guests that
	// are in the first two.
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(strings.TrimPrefix(first, "cpu ")) {
		const idle, iowait, guest = 3, 4, 8
		if n, err := strconv.ParseInt(field, 10, 64); err == nil && i != idle && i != iowait && i < guest {
			total += time.Duration(n) * clockTick
		}
	}
	return total
}

// cpuOfSelf is the CPU time that this process has used.
func cpuOfSelf() time.Duration { return cpuOf(os.Getpid()) }
