package main_test

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The program's memory does not grow with the clicks it has taken.
func TestMemoryStaysFlatOverManyClicks(t *testing.T) {
	t.Parallel()
	p, _ := startOnNewDatabase(t, "GOGC=50") // so that it is what lives, and little garbage
	const warmUp, clicks = 50_000, 200_000
	p.click(warmUp)
	before := p.residentBytes()
	p.click(clicks)
	after := p.residentBytes()
	t.Logf("%d MB resident after %d clicks, %d MB after %d more", before>>20, warmUp, after>>20, clicks)
	if float64(after) > 1.2*float64(before) {
		t.Errorf("%d MB resident after %d clicks, %d MB after %d more", before>>20, warmUp, after>>20, clicks)
	}
}

// click makes n clicks from many connections, as fast as they are answered.
func (p *process) click(n int) {
	p.t.Helper()
	shots := make(chan int, n)
	for i := range n {
		shots <- i
	}
	close(shots)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			c, err := dial(p.t.Context(), p.url)
			if err != nil {
				p.t.Error(err)
				return
			}
			defer c.Close()
			for i := range shots {
				a, err := c.get("/c/demo?sub1=" + strconv.Itoa(i))
				if err != nil || a.status != 302 {
					p.t.Errorf("a click got %+v, %v", a, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// residentBytes is the memory that the program holds (proc(5), statm).
func (p *process) residentBytes() int {
	p.t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/statm")
	if err != nil {
		p.t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		p.t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
