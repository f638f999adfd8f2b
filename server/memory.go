package main

import (
	"os"
	"runtime/debug"
	"strconv"
)

// gcPercent is how much may be allocated before what lives is looked through
// again, in per cent of it. The requests leave garbage and little that lives, some
// tens of megabytes: with Go's own 100, looking through that takes a fifth of the
// time of a loaded process; with this one it has some hundred megabytes of memory.
const gcPercent = 400

// easeCollection leaves more garbage between collections, unless GOGC says how
// much.
func easeCollection() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// checkCollection refuses what Go would pass over in silence.
func checkCollection() error {
	text := os.Getenv("GOGC")
	if _, err := strconv.ParseInt(text, 10, 32); text != "" && text != "off" && err != nil {
		return wrong("GOGC", "is %q: expected a number in per cent, such as 400, or off", text)
	}
	return nil
}
