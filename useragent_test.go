package proofback

import (
	"strings"
	"testing"
)

func TestParseUserAgentTellsDeviceSystemAndBrowser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ua          string
		device      Device
		os, browser string
	}{
		{"", DeviceOther, "", ""},
		{"  ", DeviceOther, "", ""},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", DeviceDesktop, "Windows", "Chrome"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", DeviceDesktop, "Windows", "Edge"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", DeviceDesktop, "macOS", "Safari"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", DeviceDesktop, "Linux", "Firefox"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1", DeviceMobile, "iOS", "Safari"},
		{"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1", DeviceTablet, "iOS", "Safari"},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36", DeviceMobile, "Android", "Chrome"},
		{"Mozilla/5.0 (Linux; Android 9; SM-T510) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", DeviceTablet, "Android", "Chrome"},
		{"Mozilla/5.0 (Linux; Android 11; BRAVIA 4K UR2 Build/RTT2) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99 Safari/537.36 AndroidTV", DeviceOther, "Android", "Chrome"},
		{"Mozilla/5.0 (Android 13; Tablet; rv:127.0) Gecko/127.0 Firefox/127.0", DeviceTablet, "Android", "Firefox"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", DeviceDesktop, "ChromeOS", "Chrome"},
		{"curl/8.5.0", DeviceOther, "", "curl"},
		{strings.Repeat("nothing that anybody knows ", 100), DeviceOther, "", ""},
	} {
		device, os, browser := ParseUserAgent(c.ua)
		if device != c.device || os != c.os || browser != c.browser {
			t.Errorf("%.120q:\n got %s, %q, %q\nwant %s, %q, %q", c.ua, device, os, browser, c.device, c.os, c.browser)
		}
	}
}

func FuzzParseUserAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1")
	f.Add("Instagram 10.3.2 (iPhone7,2; iPhone OS 9_3_3; en_US; en-US; scale=2.00; 750x1334)")
	f.Add("Mozilla/5.0 (Linux; Android; ) ;/( \xff +http://")
	f.Fuzz(func(t *testing.T, ua string) {
		device, os, browser := ParseUserAgent(ua)
		if device == "" || len(os) > maxAgentName || len(browser) > maxAgentName {
			t.Errorf("%q, %q, %q", device, os, browser)
		}
	})
}
