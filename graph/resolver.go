package graph

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// Resolver answers the schema's fields. Its methods stand in files by noun, on
// types named after the GraphQL type whose fields they answer.
type Resolver struct {
	Store *db.Store
	Setup *db.Setup
	// Changes tell subscribers of conversions; nil where nobody may subscribe.
	Changes  *db.Changes
	Sessions Sessions
	Accounts Accounts
	// ClickKeys make and check the click ids that advertisers know.
	ClickKeys *proofback.ClickKeys
	// Auditor walks landing URLs.
	Auditor RedirectAuditor
	// Tester sends test deliveries.
	Tester DestinationTester
	// EnqueueReportRuns has runs of saved reports made.
	EnqueueReportRuns db.EnqueueRuns
	// Authenticate puts who acts into a context, and until when (WithExpiry), by an
	// Authorization header's text; nil where WebSockets have to bring one as a header.
	Authenticate func(ctx context.Context, authorization string) (context.Context, error)
	// Address tells where a request comes from; default the connection's other end.
	Address func(*http.Request) netip.Addr
	// Limits bound what clients may ask; the zero value bounds single operations alone.
	Limits Limits
	// Origins are those of pages that may open WebSockets, beside our own host's.
	Origins []string
	// PublicURL is the base of the links that are handed out, without a slash at
	// its end.
	PublicURL string
	// Log takes what callers are not told; default slog.Default().
	Log *slog.Logger
}

// Limits bound what clients may ask, beyond what holds for every operation.
type Limits struct {
	// Budget is what a client's operations may cost in a minute; 0 for any number.
	Budget int
	// Subscriptions is how many a client may have at a time; 0 for the default.
	Subscriptions int
	// Introspection says who may learn the schema.
	Introspection Introspection
	// Manifest names the operations that are served; nil for all.
	Manifest Manifest
}

// Sessions signs users in. Package auth implements it.
type Sessions interface {
	// SignIn starts a session. A wrong e-mail and a wrong password are the same
	// CodeUnauthenticated, in the same time.
	// code is of the user's authenticator, where it has one.
	SignIn(ctx context.Context, email, password, code string) (Session, error)
	// Refresh trades a refresh token for a new session, once.
	Refresh(ctx context.Context, refreshToken string) (Session, error)
	// HashPassword makes what is stored of a password.
	HashPassword(ctx context.Context, password string) (string, error)
}

// Accounts looks after passwords. Package auth implements it.
type Accounts interface {
	// Redeem sets the password of whoever a one-time token was given to.
	Redeem(ctx context.Context, p db.Purpose, token, password string) error
	// AskForReset has such a token mailed to an address; it does not say whether it is
	// somebody's.
	AskForReset(ctx context.Context, email string) error
	// ChangePassword gives who acts another password, for the one that it has.
	ChangePassword(ctx context.Context, actor proofback.Actor, current, next string) error
}

// RedirectAuditor walks along landing URLs. Package jobs implements it.
type RedirectAuditor interface {
	// Audit walks along the landing URL of an offer, on behalf of an actor that it
	// concerns, and keeps what was seen.
	Audit(ctx context.Context, actor proofback.Actor, offer uuid.UUID) (*proofback.RedirectAudit, error)
}

// DestinationTester sends affiliates' endpoints what is made up. Package jobs
// implements it.
type DestinationTester interface {
	// SendTest sends a destination one made-up delivery, on behalf of an actor whose
	// it is or of staff; "" is the first status that it wants to be told.
	SendTest(ctx context.Context, actor proofback.Actor, destination uuid.UUID, status proofback.Status) (*proofback.Attempt, error)
}

// Session is proof of having signed in.
type Session struct {
	AccessToken  string
	RefreshToken string
	ExpiresAt    time.Time // of the access token
}

// query and mutation answer the root fields that read and write.
type (
	query    Resolver
	mutation Resolver
)
