package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"time"
)

// sendTimeout bounds the handing over of one message, where ctx does not.
const sendTimeout = 15 * time.Second

// Sender hands messages to one SMTP server. It is safe for concurrent use.
type Sender struct {
	host, port     string
	user, password string
	from           *netmail.Address
	implicit       bool // TLS from the first byte (RFC 8314)
	plain          bool // TLS is done without where the server does not offer it

	// TLS says how the server proves who it is; default: by the system's roots.
	TLS *tls.Config
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// New reads smtp[s]://user:password@host:port?from=Name+<a@b>. With smtps the
// connection is encrypted from its first byte (port 465), with smtp by STARTTLS
// (port 587). User and password may be left out, and from where user is an address.
// Without TLS nothing is sent, but to this machine itself or with tls=optional.
func New(text string) (*Sender, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is not a URL") // its text may hold a password
	}
	s := &Sender{host: u.Hostname(), port: u.Port()}
	switch u.Scheme {
	case "smtps":
		s.implicit, s.port = true, cmp.Or(s.port, "465")
	case "smtp":
		s.port = cmp.Or(s.port, "587")
	default:
		return nil, errors.New("it does not begin with smtp:// or smtps://")
	}
	if s.host == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, errors.New("it does not name a host alone")
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	query := u.Query()
	for name := range query {
		if name != "from" && name != "tls" {
			return nil, fmt.Errorf("%q is not known: from and tls are", name)
		}
	}
	switch query.Get("tls") {
	case "":
		s.plain = loopback(s.host)
	case "optional":
		s.plain = true
	default:
		return nil, errors.New("tls can be optional, or left out")
	}
	if s.from, err = netmail.ParseAddress(cmp.Or(query.Get("from"), s.user)); err != nil {
		return nil, errors.New("from is no mail address")
	}
	return s, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// From is the address that messages come from.
func (s *Sender) From() string { return s.from.String() }

// Send hands a message to the server; it returns when the server has taken it. A
// message that was in doubt when the connection broke may be there twice, under the
// same id, when it is sent again.
func (s *Sender) Send(ctx context.Context, m Message) error {
	to, err := m.recipients()
	if err != nil {
		return &permanent{err}
	}
	body, err := m.bytes(s.from, to, s.now())
	if err != nil {
		return &permanent{err}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := s.handOver(conn, to, body); err != nil {
		return fmt.Errorf("mail: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}

// handOver talks to the server.
func (s *Sender) handOver(conn net.Conn, to []*netmail.Address, body []byte) error {
	config := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		config = s.TLS.Clone()
		config.ServerName = s.host
	}
	if s.implicit {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return err
	}
	if !s.implicit {
		if offered, _ := c.Extension("STARTTLS"); offered {
			err = c.StartTLS(config)
		} else if !s.plain {
			err = errors.New("the server offers no TLS")
		}
		if err != nil {
			return err
		}
	}
	if s.user != "" {
		if err := c.Auth(smtp.PlainAuth("", s.user, s.password, s.host)); err != nil {
			return fmt.Errorf("sign in: %v", err) //nolint:errorlint // it is no refusal of this message: Permanent must not find it
		}
	}
	if err := c.Mail(s.from.Address); err != nil {
		return err
	}
	for _, a := range to {
		if err := c.Rcpt(a.Address); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has taken the message
	return nil
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

// permanent is a failure that no further try mends.
type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// Permanent reports whether err is a failure that no further try mends: a message
// that cannot be written, or one that the server refuses for good (5xx, RFC 5321,
// section 4.2.1).
func Permanent(err error) bool {
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return answer.Code >= 500
	}
	_, ok := errors.AsType[*permanent](err)
	return ok
}
