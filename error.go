package proofback

import (
	"errors"
	"fmt"
)

// Code classifies an Error for machines. Each transport has one table from Code
// to its own status.
type Code string

const (
	CodeInvalid         Code = "BAD_USER_INPUT"         // a value is wrong; Field says which
	CodeNotFound        Code = "NOT_FOUND"              // it does not exist, or is not the actor's to see
	CodeConflict        Code = "CONFLICT"               // it contradicts what is stored
	CodeForbidden       Code = "FORBIDDEN"              // known actor, not allowed
	CodeUnauthenticated Code = "UNAUTHENTICATED"        // unknown actor
	CodeRateLimited     Code = "RATE_LIMITED"           // try again later
	CodeSecondFactor    Code = "SECOND_FACTOR_REQUIRED" // the password was right
	CodeUnavailable     Code = "UNAVAILABLE"            // nothing was stored, try again
	CodeInternal        Code = "INTERNAL"               // a fault of ours; never shown in detail
)

// Error is the one error type that crosses package borders: a machine code, a
// sentence that is safe to show to the caller, and the cause for our own log.
type Error struct {
	Code Code
	// Field is the path of the input that is at fault, in the API's own names
	// (["goals", "0", "payout", "amount"]); empty when no single field is.
	Field   []string
	Message string
	Err     error
}

// ErrUnauthenticated is what anybody without a valid token gets.
var ErrUnauthenticated = &Error{Code: CodeUnauthenticated, Message: "sign in first: send an access token as Authorization: Bearer"}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose sentence may be shown.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an Error about one input field; path is in the API's names.
func Invalid(path []string, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: path, Message: fmt.Sprintf(format, args...)}
}

// Internal wraps a fault of ours; op says what was being done.
func Internal(op string, err error) *Error {
	return &Error{Code: CodeInternal, Message: "something went wrong on our side", Err: fmt.Errorf("%s: %w", op, err)}
}

// NotFound says that a thing does not exist, or is not the actor's to see: the
// two are one answer, so that ids cannot be probed.
func NotFound(what string) *Error { return Errorf(CodeNotFound, "there is no such %s", what) }

// CodeOf gives the code of err: that of the Error it wraps, else CodeInternal;
// empty for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Problems collects what is wrong with an input, so that a caller learns of all
// of it at once.
type Problems []*Error

// Add appends a problem with the field at path.
func (p *Problems) Add(path []string, format string, args ...any) {
	*p = append(*p, Invalid(path, format, args...))
}

// Err is nil when nothing was collected.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

func (p Problems) Error() string {
	if len(p) == 0 {
		return "no problems"
	}
	if len(p) == 1 {
		return p[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", p[0].Error(), len(p)-1)
}

// Unwrap lets errors.As and CodeOf find the problems.
func (p Problems) Unwrap() []error {
	errs := make([]error, len(p))
	for i, e := range p {
		errs[i] = e
	}
	return errs
}
