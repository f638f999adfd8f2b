package load

import (
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// Clicks are clicks that are known by their number: who stores them and who
// sends postbacks about them agree without a list.
type Clicks struct {
	Secret []byte // of the click key, version 1
	From   time.Time
	Span   time.Duration // they are spread evenly over it
	Count  int
}

// At is when click n was made, to the millisecond.
func (c *Clicks) At(n int) time.Time {
	return c.From.Add(time.Duration(float64(c.Span) * float64(n) / float64(c.Count))).Truncate(time.Millisecond)
}

// ID is the id of click n.
func (c *Clicks) ID(n int) uuid.UUID {
	id := proofback.UUIDFloor(c.At(n))
	bits := mix(uint64(n))
	for i := range 7 { // the last 56 bits; the rest stay what the version and variant make them
		id[9+i] = byte(bits >> (8 * i))
	}
	return id
}

// mix scatters numbers evenly (SplitMix64).
func mix(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// ClickTraffic follows tracking links.
type ClickTraffic struct {
	Codes []string
}

// clickRequests are requests but for the number that makes each its own.
type clickRequests []struct{ before, after string }

// clickVariants is how many different requests there are before they repeat.
const clickVariants = 4096

func newClickRequests(t *ClickTraffic, host string) clickRequests {
	agents := userAgents()
	list := make(clickRequests, clickVariants)
	for i := range list {
		r := mix(uint64(i))
		list[i].before = fmt.Sprintf("GET /c/%s?sub1=campaign-%d&source=%s&creative=banner-%d&sub2=",
			t.Codes[r%uint64(len(t.Codes))], r>>8%200, []string{"newsletter", "instagram", "blog", "push"}[r>>16%4], r>>24%12)
		list[i].after = " HTTP/1.1\r\nHost: " + host +
			"\r\nUser-Agent: " + agents[(r>>32)%uint64(len(agents))] +
			"\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" +
			"\r\nAccept-Language: de,en;q=0.8\r\nAccept-Encoding: gzip, deflate, br"
		if r%3 != 0 {
			list[i].after += fmt.Sprintf("\r\nReferer: https://blog-%d.example/", r>>40%50)
		}
		list[i].after += "\r\n\r\n"
	}
	return list
}

func (list clickRequests) request(dst []byte, n uint64) []byte {
	v := &list[n%uint64(len(list))]
	dst = append(dst, v.before...)
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, v.after...)
}

// userAgents are what browsers of a year call themselves.
func userAgents() []string {
	var list []string
	for _, system := range []string{"Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 10; K", "Linux; Android 15; SM-S938B"} {
		for version := 120; version < 144; version++ {
			for _, rest := range []string{"", " Edg/%d.0.0.0", " OPR/%d.0.0.0"} {
				if rest != "" {
					rest = fmt.Sprintf(rest, version)
				}
				list = append(list, fmt.Sprintf("Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36%s", system, version, rest))
			}
		}
	}
	for major := 15; major < 20; major++ {
		for minor := range 8 {
			list = append(list, fmt.Sprintf("Mozilla/5.0 (iPhone; CPU iPhone OS %d_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%[1]d.%[2]d Mobile/15E148 Safari/604.1", major, minor))
		}
	}
	return list
}
