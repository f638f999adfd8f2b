package mail

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Message is a mail as its author knows it.
type Message struct {
	// ID tells the message from all others, and keeps it the same one when it is sent
	// again: letters, digits, '.', '-' and '_'.
	ID string
	// To are the addresses that it goes to, each "a@b" or "Name <a@b>". All of them
	// see each other.
	To []string
	// Subject is one line.
	Subject string
	// Text is its body, plain text with lines of any length.
	Text string
	// Files come with it.
	Files []File
}

// File is a file that comes with a message.
type File struct {
	Name string
	// Type is its media type, such as "text/csv; charset=utf-8".
	Type string
	Data []byte
}

// lineLength is how long a line of base64 is at most (RFC 2045, section 6.8).
const lineLength = 76

// errNoLine refuses what would make a header of its own (RFC 5322, section 2.2).
var errNoLine = errors.New("mail: a line break or control character in a header")

// recipients reads the addresses.
func (m *Message) recipients() ([]*netmail.Address, error) {
	if len(m.To) == 0 {
		return nil, errors.New("mail: nobody to send it to")
	}
	list := make([]*netmail.Address, len(m.To))
	for i, to := range m.To {
		a, err := netmail.ParseAddress(to)
		if err != nil {
			return nil, fmt.Errorf("mail: %q is no address: %w", to, err)
		}
		list[i] = a
	}
	return list, nil
}

// bytes writes the message as it goes over the wire (RFC 5322, RFC 2045).
func (m *Message) bytes(from *netmail.Address, to []*netmail.Address, at time.Time) ([]byte, error) {
	for _, text := range []string{m.ID, m.Subject} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, errNoLine
		}
	}
	shown := make([]string, len(to))
	for i, a := range to {
		shown[i] = a.String()
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", from.String()},
		{"To", strings.Join(shown, ",\r\n ")},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Date", at.Format(time.RFC1123Z)},
		{"Message-ID", "<" + m.ID + "@" + domain + ">"},
		// Nobody's holiday is to answer it (RFC 3834, section 5).
		{"Auto-Submitted", "auto-generated"},
		{"MIME-Version", "1.0"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if len(m.Files) == 0 {
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		err := writeText(&b, m.Text)
		return b.Bytes(), err
	}
	parts := multipart.NewWriter(&b)
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", parts.Boundary())
	err := m.writeParts(parts)
	return b.Bytes(), err
}

// writeParts writes the text, and each file after it.
func (m *Message) writeParts(parts *multipart.Writer) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type":              {"text/plain; charset=utf-8"},
		"Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err == nil {
		err = writeText(w, m.Text)
	}
	for _, f := range m.Files {
		if err != nil {
			return err
		}
		if _, _, err := mime.ParseMediaType(f.Type); err != nil {
			return fmt.Errorf("mail: the type of %q: %w", f.Name, err)
		}
		w, err = parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {f.Type},
			"Content-Transfer-Encoding": {"base64"},
			"Content-Disposition":       {mime.FormatMediaType("attachment", map[string]string{"filename": f.Name})},
		})
		if err == nil {
			err = writeFile(w, f.Data)
		}
	}
	return errors.Join(err, parts.Close())
}

func writeText(w io.Writer, text string) error {
	q := quotedprintable.NewWriter(w)
	_, err := io.WriteString(q, strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n"))
	return errors.Join(err, q.Close())
}

func writeFile(w io.Writer, data []byte) error {
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 0 {
		n := min(len(text), lineLength)
		if _, err := io.WriteString(w, text[:n]+"\r\n"); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
