package proofback

import (
	"bytes"
	"unicode/utf8"

	"github.com/google/uuid"
)

// ClickIDState is what a text is, seen as a click id. It needs no look-up.
type ClickIDState int

const (
	// ClickIDForeign is not one of ours and does not look like it: somebody
	// else's identifier, or no identifier at all.
	ClickIDForeign ClickIDState = iota
	// ClickIDWhole is one that we made.
	ClickIDWhole
	// ClickIDDamaged was one of ours before it was cut short, extended or had
	// characters changed.
	ClickIDDamaged
	// ClickIDForged has our form down to the checksum, and was never made here.
	ClickIDForged
)

// String is the state as one word.
func (s ClickIDState) String() string {
	switch s {
	case ClickIDWhole:
		return "whole"
	case ClickIDDamaged:
		return "damaged"
	case ClickIDForged:
		return "forged"
	}
	return "foreign"
}

// Parse reads a click id in either case, with I and L for 1 and O for 0. The
// UUID is set when the state is ClickIDWhole and only then.
func (k *ClickKeys) Parse(s string) (uuid.UUID, ClickIDState) {
	var symbols [ClickIDLength]byte
	if len(s) != ClickIDLength {
		return uuid.Nil, k.judge(s)
	}
	for i := range symbols {
		if symbols[i] = crockfordValue[s[i]]; symbols[i] == notCrockford {
			return uuid.Nil, k.judge(s)
		}
	}
	if !clickChecks(symbols[:]) {
		return uuid.Nil, k.judge(s)
	}
	version := int(clickVersionSymbol(int(symbols[0])))
	if version > MaxClickKeyVersion || k.macs[version] == nil {
		return uuid.Nil, ClickIDForged
	}
	id, mac := unpackClick(symbols[1:clickIDPayload])
	if k.macs[version].sum(version, id) != mac {
		return uuid.Nil, ClickIDForged
	}
	return id, ClickIDWhole
}

// clickChecks reports whether the checksum of a whole id's symbols holds.
func clickChecks(symbols []byte) bool {
	sum := uint16(symbols[37])<<10 | uint16(symbols[38])<<5 | uint16(symbols[39])
	return clickChecksum(symbols[:clickIDPayload]) == sum
}

// Limits of what is examined for traces of one of our ids.
const (
	maxClickTrace  = 256 // characters; an id further on is not looked for
	minClickTrace  = 8   // characters; fewer could be anything
	minClickEnding = 30  // characters of an id whose beginning is lost
)

// judge tells a damaged id from a foreign text. Every id of ours carries the same
// five marks, and accidents leave most of them standing where they stood.
func (k *ClickKeys) judge(s string) ClickIDState {
	var buf [maxClickTrace]byte
	text := buf[:0]
	for _, r := range s {
		if len(text) == cap(text) {
			break
		}
		v := byte(notCrockford)
		if r < utf8.RuneSelf {
			v = crockfordValue[r]
		}
		text = append(text, v)
	}
	if k.damaged(text) {
		return ClickIDDamaged
	}
	return ClickIDForeign
}

func (k *ClickKeys) damaged(text []byte) bool {
	n := len(text)
	if n < minClickTrace {
		return false
	}
	start := k.marks(text, 0)
	if n == ClickIDLength {
		return start.misses() <= 2 // two characters changed touch two marks at most
	}
	// Something was added or lost. It stood at the end …
	if start.misses() == 0 && start.seen(3) {
		return true
	}
	// … or at the beginning …
	end := k.marks(text, n-ClickIDLength)
	if end.misses() == 0 && n >= minClickEnding {
		return true
	}
	// … or within, where the marks before and after it moved apart.
	if n == ClickIDLength-1 || n == ClickIDLength+1 {
		return start.or(end).misses() <= 1
	}
	for at := range max(n-ClickIDLength+1, 0) {
		window := text[at : at+ClickIDLength]
		if bytes.IndexByte(window, notCrockford) < 0 && k.marks(window, 0).misses() == 0 && clickChecks(window) {
			return true // a whole one with something on either side
		}
	}
	return false
}

// clickMarks tells for each of the five marks whether it stands in a text.
type clickMarks [5]markState

type markState byte

const (
	markBeyond markState = iota // the text does not reach that far
	markMissed
	markHit
)

// marks looks for the marks of an id that begins at index at of text, which may
// lie before it.
func (k *ClickKeys) marks(text []byte, at int) clickMarks {
	symbol := func(i int) (v byte, ok bool) {
		if i += at; i < 0 || i >= len(text) {
			return 0, false
		}
		return text[i], true
	}
	mark := func(i, j int, holds func(a, b byte) bool) markState {
		a, okA := symbol(i)
		b, okB := symbol(j)
		switch {
		case !okA || !okB:
			return markBeyond
		case a != notCrockford && b != notCrockford && holds(a, b):
			return markHit
		}
		return markMissed
	}
	return clickMarks{
		// A version of a key that is known.
		mark(0, 0, func(v, _ byte) bool {
			version := clickVersionSymbol(int(v))
			return version <= MaxClickKeyVersion && k.macs[version] != nil
		}),
		// A time that lies between 2020 and 2100, in two characters.
		mark(1, 1, func(v, _ byte) bool { return v == 0 }),
		mark(2, 2, func(v, _ byte) bool { return v >= 5 && v <= 14 }),
		// Version 7 and variant 10 of RFC 9562, each across two characters.
		mark(10, 11, func(a, b byte) bool { return a&3 == 1 && b>>3 == 3 }),
		mark(13, 14, func(a, b byte) bool { return a&1 == 1 && b>>4 == 0 }),
	}
}

func (m clickMarks) misses() (n int) {
	for _, state := range m {
		if state == markMissed {
			n++
		}
	}
	return n
}

// seen reports whether the first n marks lie within the text.
func (m clickMarks) seen(n int) bool {
	for _, state := range m[:n] {
		if state == markBeyond {
			return false
		}
	}
	return true
}

// or takes each mark from where it stands better.
func (m clickMarks) or(o clickMarks) clickMarks {
	for i := range m {
		m[i] = max(m[i], o[i])
	}
	return m
}
