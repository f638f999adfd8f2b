package main_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestChaos takes something away from the program while visitors click and sales
// are reported, and then compares what clients were promised with what is stored.
// make test runs it short and make chaos long, with a table of what came of it.

// hardness is how hard it gets.
type hardness struct {
	perSecond int           // clicks; a tenth of them leads to a sale
	rounds    int           // how often the same thing is taken away
	outage    time.Duration // how long Postgres is stopped, at least
	during    int           // clicks that are answered in each phase
}

var (
	short = hardness{perSecond: 300, rounds: 1, outage: 2 * time.Second, during: 150}
	long  = hardness{perSecond: 2000, rounds: 3, outage: 30 * time.Second, during: 6000}
)

// chaosVariable says that it is to be long, and prints the table.
const chaosVariable = "PROOFBACK_CHAOS"

// fault is what is taken away, and gives what was promised meanwhile.
type fault struct {
	name string
	test func(*testing.T, hardness) *promises
}

var faults = []fault{
	{"the server is killed", chaosTheServerIsKilled},
	{"Postgres is killed", chaosPostgresIsKilled},
	{"Postgres is stopped for a while and the server killed meanwhile", chaosPostgresIsStopped},
	{"the connection is cut in a COPY, answers are lost, or it hangs", chaosTheConnectionIsCut},
	{"the spool's quota is used up", chaosTheSpoolIsFull},
	{"the spool is damaged", chaosTheSpoolIsDamaged},
	{"two processes drain the same clicks", chaosTwoDrainTheSame},
	{"the clock is set back by an hour", chaosTheClockIsSetBack},
	{"processes are replaced one by one", chaosProcessesAreReplaced},
}

func TestChaos(t *testing.T) {
	t.Parallel()
	hard := short
	if os.Getenv(chaosVariable) == "long" {
		hard = long
	}
	var mu sync.Mutex
	rows := make([]string, len(faults))
	t.Cleanup(func() {
		if hard == long {
			fmt.Printf("\n%s%s\n", tableHead, strings.Join(rows, ""))
		}
	})
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			if hard == short {
				t.Parallel()
			}
			l := f.test(t, hard)
			mu.Lock()
			defer mu.Unlock()
			rows[i] = l.row(f.name)
			t.Log("\n" + tableHead + rows[i])
		})
	}
}
