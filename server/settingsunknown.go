package main

import (
	"log/slog"
	"reflect"
	"slices"
	"strings"
)

// settingPrefix begins the names of our own variables.
const settingPrefix = "PROOFBACK_"

// unknownSettings gives the names of variables that look like settings and are none.
// They may be another version's, so they stop nothing.
func unknownSettings(environ []string) []string {
	known := settingNames()
	var unknown []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, settingPrefix) && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// warnOfUnknown tells of settings that do nothing, in case they were meant to: a
// mistyped one leaves the default in force without a word.
func warnOfUnknown(log *slog.Logger, environ []string) {
	for _, name := range unknownSettings(environ) {
		log.Warn("there is no setting of this name, so it does nothing", "setting", name, "nearest", nearestSetting(name))
	}
}

// settingNames are the variables that are read.
func settingNames() []string {
	var names []string
	for _, t := range []reflect.Type{reflect.TypeFor[Settings](), reflect.TypeFor[serveCommand]()} {
		for i := range t.NumField() {
			if name := t.Field(i).Tag.Get("env"); strings.HasPrefix(name, settingPrefix) {
				names = append(names, name)
			}
		}
	}
	return names
}

// nearestSetting is the setting that begins the most like name.
func nearestSetting(name string) string {
	best, most := "", 0
	for _, known := range settingNames() {
		same := 0
		for same < min(len(known), len(name)) && known[same] == name[same] {
			same++
		}
		if same > most {
			best, most = known, same
		}
	}
	return best
}
