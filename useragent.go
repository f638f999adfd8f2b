package proofback

import (
	"strings"

	"github.com/mileusna/useragent"
)

// MaxUserAgent is how much of a User-Agent is kept and looked at, in bytes.
// Browsers send a fifth of it.
const MaxUserAgent = 1000

// maxAgentName is longer than any operating system or browser is called.
const maxAgentName = 40

// ParseUserAgent tells the kind of device, the operating system and the browser
// from a User-Agent header; os and browser are "" when it does not say. It is a
// pure function: what is shown of a stored click is what it was judged by, as
// long as the user agents that are known stay the same.
func ParseUserAgent(ua string) (device Device, os, browser string) {
	ua = CutText(ua, MaxUserAgent)
	if strings.TrimSpace(ua) == "" {
		return DeviceOther, "", ""
	}
	a := useragent.Parse(ua)
	return deviceOf(&a), agentName(a.OS), agentName(a.Name)
}

func deviceOf(a *useragent.UserAgent) Device {
	switch {
	case a.OS == useragent.Android && !a.Tablet && !strings.Contains(a.String, "Mobile"):
		// Phones say Mobile, and what does not is a tablet or a television
		// (developer.chrome.com, "User-Agent Reduction").
		if strings.Contains(a.String, "TV") {
			return DeviceOther
		}
		if a.Name == useragent.Chrome || a.Name == useragent.SamsungBrowser {
			return DeviceTablet
		}
		return DeviceMobile // an app's own user agent
	case a.Tablet:
		return DeviceTablet
	case a.Mobile:
		return DeviceMobile
	case a.Desktop:
		return DeviceDesktop
	}
	return DeviceOther
}

// agentName drops what is no name: the parser gives the whole text for a
// program that it does not know.
func agentName(s string) string {
	if len(s) > maxAgentName {
		return ""
	}
	return s
}
