package proofback

// Reason is the stable code for why a postback, a click or a conversion was
// treated as it was. The contract fixes the names.
type Reason string

const (
	ReasonAccepted      Reason = "ACCEPTED"
	ReasonDuplicate     Reason = "DUPLICATE"
	ReasonStatusUpdated Reason = "STATUS_UPDATED"

	ReasonClickNotYetStored   Reason = "CLICK_NOT_YET_STORED"
	ReasonPrerequisiteMissing Reason = "PREREQUISITE_MISSING"
	ReasonAwaitingRate        Reason = "AWAITING_RATE"

	ReasonMissingClickID        Reason = "MISSING_CLICK_ID"
	ReasonMissingEvent          Reason = "MISSING_EVENT"
	ReasonMissingTransactionID  Reason = "MISSING_TRANSACTION_ID"
	ReasonUnresolvedMacro       Reason = "UNRESOLVED_MACRO"
	ReasonDamagedClickID        Reason = "DAMAGED_CLICK_ID"
	ReasonInvalidAmount         Reason = "INVALID_AMOUNT"
	ReasonMissingAmount         Reason = "MISSING_AMOUNT"
	ReasonInvalidCurrency       Reason = "INVALID_CURRENCY"
	ReasonMissingCurrency       Reason = "MISSING_CURRENCY"
	ReasonInvalidStatus         Reason = "INVALID_STATUS"
	ReasonInvalidTimestamp      Reason = "INVALID_TIMESTAMP"
	ReasonConflictingParameters Reason = "CONFLICTING_PARAMETERS"
	ReasonBadRequest            Reason = "BAD_REQUEST"

	ReasonTokenInvalid     Reason = "TOKEN_INVALID"
	ReasonSignatureInvalid Reason = "SIGNATURE_INVALID"
	ReasonSignatureExpired Reason = "SIGNATURE_EXPIRED"
	ReasonIPNotAllowed     Reason = "IP_NOT_ALLOWED"

	ReasonUnknownClick  Reason = "UNKNOWN_CLICK"
	ReasonForgedClickID Reason = "FORGED_CLICK_ID"

	ReasonTransactionConflict Reason = "TRANSACTION_CONFLICT"
	ReasonInvalidTransition   Reason = "INVALID_TRANSITION"

	ReasonBodyTooLarge         Reason = "BODY_TOO_LARGE"
	ReasonUnsupportedMediaType Reason = "UNSUPPORTED_MEDIA_TYPE"

	ReasonUnknownEvent   Reason = "UNKNOWN_EVENT"
	ReasonOutsideWindow  Reason = "OUTSIDE_WINDOW"
	ReasonBelowThreshold Reason = "BELOW_THRESHOLD"
	ReasonCapReached     Reason = "CAP_REACHED"
	ReasonOfferInactive  Reason = "OFFER_INACTIVE"
)

// Result is the coarse outcome of a postback.
type Result string

const (
	ResultAccepted  Result = "accepted"
	ResultDuplicate Result = "duplicate"
	ResultUpdated   Result = "updated"
	ResultDeferred  Result = "deferred"
	ResultRejected  Result = "rejected"
)

// verdict is what the contract answers for a reason.
type verdict struct {
	result Result
	http   int
	// keeps says that the refusal stays as a rejected conversion.
	keeps bool
}

// verdicts is the contract's table. PREREQUISITE_MISSING stands here as the
// refusal; where the goal says wait, the decision is deferred instead.
var verdicts = map[Reason]verdict{
	ReasonAccepted:      {ResultAccepted, 200, true},
	ReasonDuplicate:     {ResultDuplicate, 200, false},
	ReasonStatusUpdated: {ResultUpdated, 200, false},

	ReasonClickNotYetStored: {ResultDeferred, 202, false},
	ReasonAwaitingRate:      {ResultDeferred, 202, false},

	ReasonMissingClickID:        {ResultRejected, 400, false},
	ReasonMissingEvent:          {ResultRejected, 400, false},
	ReasonMissingTransactionID:  {ResultRejected, 400, false},
	ReasonUnresolvedMacro:       {ResultRejected, 400, false},
	ReasonDamagedClickID:        {ResultRejected, 400, false},
	ReasonInvalidAmount:         {ResultRejected, 400, false},
	ReasonMissingAmount:         {ResultRejected, 400, false},
	ReasonInvalidCurrency:       {ResultRejected, 400, false},
	ReasonMissingCurrency:       {ResultRejected, 400, false},
	ReasonInvalidStatus:         {ResultRejected, 400, false},
	ReasonInvalidTimestamp:      {ResultRejected, 400, false},
	ReasonConflictingParameters: {ResultRejected, 400, false},
	ReasonBadRequest:            {ResultRejected, 400, false},

	ReasonTokenInvalid:     {ResultRejected, 401, false},
	ReasonSignatureInvalid: {ResultRejected, 401, false},
	ReasonSignatureExpired: {ResultRejected, 401, false},
	ReasonIPNotAllowed:     {ResultRejected, 403, false},

	ReasonUnknownClick:  {ResultRejected, 404, false},
	ReasonForgedClickID: {ResultRejected, 404, false},

	ReasonTransactionConflict: {ResultRejected, 409, false},
	ReasonInvalidTransition:   {ResultRejected, 409, false},

	ReasonBodyTooLarge:         {ResultRejected, 413, false},
	ReasonUnsupportedMediaType: {ResultRejected, 415, false},

	ReasonUnknownEvent:        {ResultRejected, 422, false},
	ReasonOutsideWindow:       {ResultRejected, 422, true},
	ReasonBelowThreshold:      {ResultRejected, 422, true},
	ReasonPrerequisiteMissing: {ResultRejected, 422, true},
	ReasonCapReached:          {ResultRejected, 422, true},
	ReasonOfferInactive:       {ResultRejected, 422, true},
}

// Problem is something wrong with a request, as a value: which parameter, and a
// sentence that says what was seen and how to mend it.
type Problem struct {
	Reason    Reason
	Parameter string
	Detail    string
}
