package spool

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Record is something that is kept.
type Record struct {
	At      time.Time // when what it tells of happened, to the millisecond
	Payload []byte
}

// A record in a segment is, with numbers in little-endian order,
//
//	4  recordMark, by which reading goes on after damage
//	4  the length of the payload
//	4  the CRC-32C of everything that follows, and of the length
//	8  milliseconds since the Unix epoch
//	n  the payload
const (
	recordHead = 4 + 4 + 4 + 8
	// MaxPayload is the largest payload of a record, in bytes.
	MaxPayload = 256 << 10
)

// recordMark stands in no UTF-8 text, so that nobody who can choose a text in a
// payload can make a part of it look like a record.
var recordMark = []byte("\xffPB\xfe")

// segmentHead is what each segment begins with: what it is, and the version of
// the format.
const segmentHead = "PBSPOOL\x01"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(b []byte, r Record) []byte {
	start := len(b)
	b = append(b, recordMark...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Payload)))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixMilli()))
	b = append(b, r.Payload...)
	binary.LittleEndian.PutUint32(b[start+8:], checksum(b[start:]))
	return b
}

// checksum is that of a record, which b holds.
func checksum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[4:8], castagnoli), castagnoli, b[12:])
}

// wholeRecord gives the record that b begins with and its length in b; 0 when
// there is none, or not all of it.
func wholeRecord(b []byte) (Record, int) {
	if len(b) < recordHead || !bytes.HasPrefix(b, recordMark) {
		return Record{}, 0
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > MaxPayload || len(b)-recordHead < int(n) {
		return Record{}, 0
	}
	size := recordHead + int(n)
	if binary.LittleEndian.Uint32(b[8:]) != checksum(b[:size]) {
		return Record{}, 0
	}
	at := time.UnixMilli(int64(binary.LittleEndian.Uint64(b[12:]))).UTC()
	return Record{at, b[recordHead:size:size]}, size
}

// contents is what a segment holds. The records share the segment's memory.
type contents struct {
	records []Record
	// holes are the places in the middle where something is that is no record.
	holes int
	// tail is how many bytes follow the last record.
	tail int
}

// scan reads a segment. Where there is no whole record it looks for the next one.
func scan(segment []byte) contents {
	var c contents
	at, good := 0, 0 // good is the end of what was read last
	if bytes.HasPrefix(segment, []byte(segmentHead)) {
		at, good = len(segmentHead), len(segmentHead)
	}
	for at < len(segment) {
		if r, n := wholeRecord(segment[at:]); n > 0 {
			if at > good {
				c.holes++
			}
			c.records = append(c.records, r)
			at += n
			good = at
			continue
		}
		next := bytes.Index(segment[at+1:], recordMark)
		if next < 0 {
			break
		}
		at += 1 + next
	}
	c.tail = len(segment) - good
	return c
}
