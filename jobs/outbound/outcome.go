package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"

	"github.com/proofback/proofback"
)

// judge puts a status into its class, with a sentence for what is no success.
func judge(status int) (proofback.Outcome, string) {
	answered := func() string {
		return strings.TrimSpace(fmt.Sprintf("the endpoint answered %d %s", status, http.StatusText(status)))
	}
	switch {
	case status >= 200 && status < 300:
		return proofback.OutcomeDelivered, ""
	case status >= 300 && status < 400:
		return proofback.OutcomeRedirect, answered() + ": redirects are not followed"
	case status == http.StatusGone:
		return proofback.OutcomeGone, answered()
	case status == http.StatusTooManyRequests:
		return proofback.OutcomeTooManyRequests, answered()
	case status >= 400 && status < 500:
		return proofback.OutcomeClientError, answered()
	}
	return proofback.OutcomeServerError, answered()
}

// classify puts an error of the transport into its class, with a sentence; began
// is whether something of an answer had come.
func classify(err error, began bool) (proofback.Outcome, string) {
	if errors.Is(err, errBlocked) {
		return proofback.OutcomeBlocked, "the address or port is not one that may be reached: nothing was sent"
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return proofback.OutcomeNetworkFailure, "the host name could not be resolved"
	}
	if timedOut(err) {
		return proofback.OutcomeTimeout, describeTimeout(err, began)
	}
	if strings.Contains(err.Error(), "response headers exceeded") || strings.Contains(err.Error(), "too many 1xx") {
		return proofback.OutcomeServerError, "the answer's headers were too large"
	}
	if notHTTP(err) {
		return proofback.OutcomeServerError, "the answer was not HTTP"
	}
	if tlsFailed(err) {
		return proofback.OutcomeNetworkFailure, "TLS failed: " + describeTLS(err)
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return proofback.OutcomeNetworkFailure, "the connection was refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return proofback.OutcomeNetworkFailure, "the connection was reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return proofback.OutcomeNetworkFailure, "the host could not be reached"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return proofback.OutcomeNetworkFailure, "the connection was closed without a whole answer"
	}
	return proofback.OutcomeNetworkFailure, "the connection failed"
}

// describeTimeout says how far a request came.
func describeTimeout(err error, began bool) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return "no connection could be made in time"
	}
	if strings.Contains(err.Error(), "TLS handshake timeout") {
		return "TLS was not agreed on in time"
	}
	if began {
		return "the answer began, but its headers did not end in time"
	}
	return "there was no answer in time"
}

func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

// notHTTP reports whether something was answered that is not HTTP; net/http says
// most of it only in words.
func notHTTP(err error) bool {
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return true
	}
	for _, words := range [...]string{"malformed", "unsupported transfer encoding"} {
		if strings.Contains(err.Error(), words) {
			return true
		}
	}
	return false
}

func tlsFailed(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.AlertError](err)
	return ok || strings.Contains(err.Error(), "tls: ") || errors.Is(err, http.ErrSchemeMismatch)
}

func describeTLS(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "the certificate has expired or is not valid yet"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another host"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate is signed by an unknown authority"
	}
	return "no secure connection could be agreed on"
}
