package proofback

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Limits of an advertiser's list.
const (
	maxListLine  = 64 << 10 // bytes of a line
	maxListLines = 20       // lines of one record, where a quoted value holds line breaks
	maxListRaw   = 2000     // bytes of a line that are kept to be shown
)

// sniffed is how much of a list is looked at to tell its encoding.
const sniffed = 64 << 10

// decodedList gives the list in UTF-8: it is what its byte order mark says, else
// UTF-8 where its beginning is, else Windows-1252, which spreadsheets write.
func decodedList(r io.Reader) *bufio.Reader {
	in := bufio.NewReaderSize(r, sniffed)
	head, _ := in.Peek(sniffed)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return bufio.NewReaderSize(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(in), maxListLine)
	case !utf8.Valid(wholeRunes(head)):
		return bufio.NewReaderSize(charmap.Windows1252.NewDecoder().Reader(in), maxListLine)
	}
	return in
}

// wholeRunes leaves out a rune that is cut off at the end.
func wholeRunes(b []byte) []byte {
	for i := 1; i <= min(utf8.UTFMax, len(b)); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// lineReader gives lines with their numbers, and takes some back.
type lineReader struct {
	in      *bufio.Reader
	line    int64 // number of the last line that was given
	undone  []string
	tooLong bool // the line after undone is errLineTooLong, and was read
}

// errLineTooLong is of one line; the next can be read.
var errLineTooLong = errors.New("the line is longer than 64 KB")

func (l *lineReader) next() (string, error) {
	if len(l.undone) > 0 {
		text := l.undone[0]
		l.undone = l.undone[1:]
		l.line++
		return text, nil
	}
	if l.tooLong {
		l.tooLong = false
		l.line++
		return "", errLineTooLong
	}
	text, err := l.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull { //nolint:errorlint // ReadSlice gives it as it is
		for err == bufio.ErrBufferFull { //nolint:errorlint // as above
			_, err = l.in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		l.line++
		return "", errLineTooLong
	}
	if len(text) == 0 && err != nil {
		return "", err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	l.line++
	return string(bytes.TrimRight(text, "\r\n")), nil
}

// nextOrProblem is next with what is wrong with this line alone told apart.
func (l *lineReader) nextOrProblem() (text, problem string, err error) {
	text, err = l.next()
	if errors.Is(err, errLineTooLong) {
		return "", err.Error(), nil
	}
	return text, "", err
}

// undo takes lines back, the last that were given.
func (l *lineReader) undo(lines []string) {
	l.undone = append(append([]string(nil), lines...), l.undone...)
	l.line -= int64(len(lines))
}

// undoTooLong takes back a line that was too long, of which nothing is kept.
func (l *lineReader) undoTooLong() {
	l.tooLong = true
	l.line--
}

// csvRecords reads records of a list whose values are separated.
type csvRecords struct {
	lines     lineReader
	separator rune
}

// record reads the next record that is not empty, and where it begins. A problem
// is of that record alone.
func (c *csvRecords) record() (values []string, raw string, line int64, problem string, err error) {
	for {
		text, problem, err := c.lines.nextOrProblem()
		line = c.lines.line
		if err != nil || problem != "" {
			return nil, "", line, problem, err
		}
		if strings.Trim(text, " \t,;|") == "" {
			continue
		}
		values, raw, problem = c.join(text)
		return values, raw, line, problem, nil
	}
}

// join reads a record that begins with a line: further lines belong to it as long
// as a quote is open. One that is never closed spoils its own line and no other.
func (c *csvRecords) join(text string) (values []string, raw, problem string) {
	lines := []string{text}
	for strings.Count(text, `"`)%2 == 1 && len(lines) < maxListLines {
		more, err := c.lines.next()
		if errors.Is(err, errLineTooLong) {
			c.lines.undoTooLong()
		}
		if err != nil {
			break
		}
		lines = append(lines, more)
		text += "\n" + more
	}
	if values, ok := c.split(text); ok {
		return values, text, ""
	}
	c.lines.undo(lines[1:])
	return nil, lines[0], `a quote (") is opened and not closed, or stands within a value: double it`
}

func (c *csvRecords) split(text string) ([]string, bool) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = c.separator
	r.FieldsPerRecord = -1
	values, err := r.Read()
	if err != nil {
		return nil, false
	}
	_, err = r.Read()
	return values, errors.Is(err, io.EOF)
}

// separatorOf tells what separates the names of a header.
func separatorOf(header string) rune {
	best, most := ',', 0
	for _, r := range ",;\t|" {
		if n := strings.Count(header, string(r)); n > most {
			best, most = r, n
		}
	}
	return best
}
