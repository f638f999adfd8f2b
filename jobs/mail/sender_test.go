package mail

import (
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"
)

func newSender(t *testing.T, url string) *Sender {
	t.Helper()
	s, err := New(url)
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }
	return s
}

var letter = Message{
	ID: "report-1", To: []string{"Kim <kim@blog.example>", "lea@shop.example"},
	Subject: "März", Text: "Grüße\n.\n" + strings.Repeat("long ", 300),
	Files: []File{{Name: "märz.csv", Type: "text/csv; charset=utf-8", Data: []byte(strings.Repeat("a,b\n", 100))}},
}

func TestAMessageArrivesAsItWasWritten(t *testing.T) {
	t.Parallel()
	server, client := certificate(t)
	p := newPostOffice(t, func(p *postOffice) { p.tls, p.auth = server, true })
	s := newSender(t, "smtp://us%40network.example:se%3Acret@"+p.addr+"?from=Network+%3Cus@network.example%3E")
	s.TLS = client
	if err := s.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"STARTTLS", "AUTH PLAIN", "MAIL FROM:<us@network.example>", "RCPT TO:<kim@blog.example>", "RCPT TO:<lea@shop.example>"} {
		if !p.heard(t, line) {
			t.Errorf("%q was not said: %q", line, p.talk)
		}
	}
	m, err := netmail.ReadMessage(strings.NewReader(p.letters[0]))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != letter.Subject || m.Header.Get("Message-Id") != "<report-1@network.example>" || m.Header.Get("From") != `"Network" <us@network.example>` {
		t.Errorf("%q %v %v", subject, m.Header, err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []string{strings.ReplaceAll(letter.Text, "\n", "\r\n"), "file"} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if part.FileName() != "" {
			if part.FileName() != "märz.csv" || part.Header.Get("Content-Transfer-Encoding") != "base64" {
				t.Errorf("got %v", part.Header)
			}
			continue
		}
		text, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || string(text) != want {
			t.Errorf("got %q, %v", text, err)
		}
	}
}

func TestTheWholeConnectionCanBeEncrypted(t *testing.T) {
	t.Parallel()
	// Only the client's side is tried: what it says first is no greeting of SMTP's.
	p := newPostOffice(t)
	s := newSender(t, "smtps://"+p.addr+"?from=us@network.example")
	if err := s.Send(t.Context(), letter); err == nil || len(p.letters) > 0 {
		t.Error("it was sent in clear")
	}
}

func TestNothingIsSentInClearToAnotherMachine(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	s := newSender(t, "smtp://"+p.addr+"?from=us@network.example")
	s.plain = false // as for any host but this one
	if err := s.Send(t.Context(), letter); err == nil || p.heard(t, "MAIL") {
		t.Errorf("it was sent in clear: %v", err)
	}
	if s := newSender(t, "smtp://mail.example?from=us@network.example"); s.plain || s.port != "587" {
		t.Errorf("got %+v", s)
	}
}

func TestAStrangersCertificateIsRefused(t *testing.T) {
	t.Parallel()
	server, _ := certificate(t)
	p := newPostOffice(t, func(p *postOffice) { p.tls = server })
	s := newSender(t, "smtp://"+p.addr+"?from=us@network.example")
	if err := s.Send(t.Context(), letter); err == nil || p.heard(t, "MAIL") {
		t.Errorf("it was sent: %v", err)
	}
}

func TestWhatIsRefusedForGoodIsToldApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, verb, answer string
		permanent          bool
	}{
		{"no such mailbox", "RCPT", "550 nobody here", true},
		{"greylisted", "RCPT", "451 later", false},
		{"a wrong password", "AUTH", "535 who are you", false},
		{"the message is spam", "DATA", "554 no", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPostOffice(t, func(p *postOffice) { p.auth, p.refuse[tt.verb] = true, tt.answer })
			s := newSender(t, "smtp://a:b@"+p.addr+"?from=us@network.example")
			err := s.Send(t.Context(), letter)
			if err == nil || Permanent(err) != tt.permanent {
				t.Errorf("got %v, permanent %v", err, Permanent(err))
			}
		})
	}
}

func TestAHeaderCannotBeForged(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t)
	s := newSender(t, "smtp://"+p.addr+"?from=us@network.example")
	for _, m := range []Message{
		{ID: "1", To: []string{"a@b.example"}, Subject: "x\r\nBcc: all@b.example"},
		{ID: "1\n2", To: []string{"a@b.example"}, Subject: "x"},
		{ID: "1", To: []string{"a@b.example\r\nRCPT TO:<c@d.example>"}, Subject: "x"},
		{ID: "1", Subject: "to nobody"},
		{ID: "1", To: []string{"a@b.example"}, Subject: "x", Files: []File{{Name: "x", Type: "text/csv\r\nX: y"}}},
	} {
		if err := s.Send(t.Context(), m); err == nil || !Permanent(err) || len(p.letters) > 0 {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestSendingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p := newPostOffice(t, func(p *postOffice) { p.refuse["EHLO"] = "" }) // it says nothing more
	s := newSender(t, "smtp://"+p.addr+"?from=us@network.example")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Send(ctx, letter); err == nil || Permanent(err) {
		t.Errorf("got %v", err)
	}
}

func TestURLsThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "mail.example", "http://mail.example?from=a@b.example", "smtp://?from=a@b.example", "smtp://mail.example",
		"smtp://user:password@mail.example", "smtp://mail.example/x?from=a@b.example", "smtp://mail.example?from=a@b.example&x=y",
		"smtp://mail.example?from=a@b.example&tls=off", "smtp://user:pass word@mail.example:x",
	} {
		_, err := New(url)
		if err == nil || strings.Contains(err.Error(), "pass") {
			t.Errorf("%q: %v", url, err)
		}
	}
	s := newSender(t, "smtps://us%40network.example:x@mail.example")
	if s.From() != "<us@network.example>" || s.port != "465" || !s.implicit {
		t.Errorf("got %+v", s)
	}
}
