package bench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// memoryWatch looks at how much memory of their own processes take, where /proc tells.
type memoryWatch struct {
	stop chan struct{}
	done chan [2]int64
}

// watchMemory begins to look, at this process and at the Postgres backend that takes most.
func watchMemory() *memoryWatch {
	w := &memoryWatch{stop: make(chan struct{}), done: make(chan [2]int64)}
	go func() {
		var most [2]int64
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			ours, postgres := anonymous("/proc/self/status"), int64(0)
			for _, status := range postgresStatuses() {
				postgres = max(postgres, anonymous(status))
			}
			most[0], most[1] = max(most[0], ours), max(most[1], postgres)
			select {
			case <-w.stop:
				w.done <- most
				return
			case <-tick.C:
			}
		}
	}()
	return w
}

// peaks ends it, and gives the most that was seen of ours and of Postgres, in bytes.
func (w *memoryWatch) peaks() [2]int64 {
	close(w.stop)
	return <-w.done
}

// anonymous is the memory of a process that is not of files or shared, in bytes; 0 where
// it is not told.
func anonymous(status string) int64 {
	text := fromProc(status, "RssAnon", "%s")
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// postgresStatuses are the files that tell of Postgres' processes.
func postgresStatuses() (list []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/comm") // none where there is no /proc
	for _, file := range files {
		if name, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(name)) == "postgres" {
			list = append(list, filepath.Join(filepath.Dir(file), "status"))
		}
	}
	return list
}
