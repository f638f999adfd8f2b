package proofback

import (
	"encoding/base64"
	"strings"

	"github.com/google/uuid"
)

// Kind is the type name in a global id, as GraphQL spells it.
type Kind string

const (
	KindUser               Kind = "User"
	KindAdvertiser         Kind = "Advertiser"
	KindAffiliate          Kind = "Affiliate"
	KindOffer              Kind = "Offer"
	KindGoal               Kind = "Goal"
	KindTrackingLink       Kind = "TrackingLink"
	KindOfferAccess        Kind = "OfferAccess"
	KindAffiliatePostback  Kind = "AffiliatePostback"
	KindClick              Kind = "Click"
	KindConversion         Kind = "Conversion"
	KindPostback           Kind = "Postback"
	KindDelivery           Kind = "Delivery"
	KindNotice             Kind = "Notice"
	KindIntegrationTest    Kind = "IntegrationTest"
	KindRedirectAudit      Kind = "RedirectAudit"
	KindReconciliation     Kind = "Reconciliation"
	KindReconciliationFeed Kind = "ReconciliationFeed"
	KindAdjustment         Kind = "Adjustment"
	KindPeriod             Kind = "Period"
	KindStatement          Kind = "Statement"
	KindAPIKey             Kind = "ApiKey"
	KindSavedReport        Kind = "SavedReport"
	KindReportRun          Kind = "ReportRun"
	KindVerification       Kind = "Verification"
	KindDiscrepancy        Kind = "Discrepancy"
	KindDispute            Kind = "Dispute"
	KindAuditEntry         Kind = "AuditEntry"
)

// GlobalID is how the outside world names a thing: opaque, URL-safe, and unique
// over all kinds (GraphQL Global Object Identification).
func GlobalID(k Kind, id uuid.UUID) string {
	var encoded [64]byte // more than any kind needs
	return string(appendGlobalID(encoded[:0], k, id))
}

func appendGlobalID(b []byte, k Kind, id uuid.UUID) []byte {
	var storage [64]byte
	plain := append(storage[:0], k...)
	plain = append(plain, ':')
	plain = append(plain, id[:]...)
	return base64.RawURLEncoding.AppendEncode(b, plain)
}

// ParseGlobalID takes a global id apart. Anything that GlobalID did not make is
// refused.
func ParseGlobalID(s string) (Kind, uuid.UUID, error) {
	if len(s) > 80 {
		return "", uuid.Nil, Errorf(CodeInvalid, "this is not an id of ours")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 18 {
		return "", uuid.Nil, Errorf(CodeInvalid, "%q is not an id of ours", s)
	}
	k, sep, raw := string(b[:len(b)-17]), b[len(b)-17], b[len(b)-16:]
	if sep != ':' || k == "" || strings.ContainsRune(k, ':') {
		return "", uuid.Nil, Errorf(CodeInvalid, "%q is not an id of ours", s)
	}
	return Kind(k), uuid.UUID(raw), nil
}

// ParseIDOf takes a global id of kind k apart and refuses every other kind.
func ParseIDOf(k Kind, s string) (uuid.UUID, error) {
	got, id, err := ParseGlobalID(s)
	if err != nil {
		return uuid.Nil, err
	}
	if got != k {
		return uuid.Nil, Errorf(CodeInvalid, "%q is the id of a %s, not of a %s", s, got, k)
	}
	return id, nil
}
