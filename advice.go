package proofback

// Advice says in plain words what an advertiser's developer should change when
// requests end with a reason, or a pattern was found; "" where there is nothing to
// mend.
func Advice(r Reason) string { return advice[r] }

var advice = map[Reason]string{
	ReasonDuplicate: "Nothing is lost: each of these events had been counted already. Your system reports some of them twice. Send an event once, again only when the answer was not 2xx or did not come, and give every event an id of its own: txid=1001.",

	ReasonClickNotYetStored:   "Nothing is to be changed: the click is genuine and its storage lags behind. These requests are decided by themselves as soon as it is stored.",
	ReasonPrerequisiteMissing: "This goal counts only after another one of the same click. Report the earlier event first, and with the same click_id: event_type=registration, then event_type=deposit. If the order does not matter, ask the network to change the goal.",
	ReasonAwaitingRate:        "Nothing is to be changed: the event's day has no exchange rate yet, and its amount must be compared in another currency. It is decided when the rate is published. Sending amounts in the currency of the offer's terms avoids the wait.",

	ReasonMissingClickID:        "The click id does not come back. Your landing page gets it in its URL (click_id=…): keep it with the visitor's order, and send it with every event: /postback?click_id=…&txid=1001&event_type=sale. If you send it under another name, such as cid, have the network map that name to click_id.",
	ReasonMissingEvent:          "Say which goal was reached: add event_type with the name of one of the offer's goals, such as event_type=sale.",
	ReasonMissingTransactionID:  "This goal needs your own unique id of the event, so that it is never counted twice: add txid with the order's number, such as txid=1001.",
	ReasonUnresolvedMacro:       "A placeholder arrived in place of its value: your tracker does not know it by that name, or had nothing to put in. Look up what your system calls it (click_id={clickid} must arrive as click_id=…), and leave out parameters that you have no value for.",
	ReasonDamagedClickID:        "The click id was changed on its way from your landing page to the postback. Keep all of its 40 characters as text: make the database column long enough (VARCHAR(64)), neither trim it nor turn it into a number, and append nothing to it. An audit of redirects shows whether it reaches your page whole.",
	ReasonInvalidAmount:         "Send amounts as plain numbers with a point: amount=1234.50. No thousands separators (1,234.50), no comma (1234,50), no currency sign (€12), no minus sign: an event that is taken back is told by status=rejected.",
	ReasonMissingAmount:         "The goal is paid by its amount, and none came: add amount=49.90&currency=EUR. Where the terms take payout or revenue from the postback, add those as well.",
	ReasonInvalidCurrency:       "Send the currency as its three-letter ISO 4217 code, such as currency=EUR, neither € nor Euro, and the one that was agreed where the terms name one.",
	ReasonMissingCurrency:       "An amount came without its currency, which is never guessed: add currency=EUR, or the code of your own.",
	ReasonInvalidStatus:         "The word in status is not known here. Send pending, approved or rejected, or have the network map your own words to them (\"lead\" to PENDING, \"2\" to APPROVED). Left out, the goal's own rule decides.",
	ReasonInvalidTimestamp:      "Send timestamp as 2026-03-01T12:00:00Z, or as Unix seconds (1772366400), in UTC or with its offset, and not ahead of the clock: local time without an offset could be anybody's, and is refused. Left out, the time of receipt counts.",
	ReasonConflictingParameters: "One thing is said twice, with different values: txid=1001 and transaction_id=1002 mean the same. Send each once, and look whether the query and the body of a POST both carry it.",
	ReasonBadRequest:            "The request cannot be read. Encode every value as UTF-8 for URLs (a&b becomes a%26b), send JSON as one flat object ({\"click_id\": \"…\", \"txid\": \"1001\"}), and copy the endpoint's URL as a whole. The message of each request says what could not be read.",

	ReasonTokenInvalid:     "Send the secret that the network gave you as token=…, or in the header X-Postback-Token. After a rotation, put the new one in before the old one ends.",
	ReasonSignatureInvalid: "The signature does not fit. For GET, sign the raw query as it is sent, sig_time included, with HMAC-SHA256 and your secret, and append it as the last parameter: …&sig_time=1772366400&sig=9f86d0…. For POST, follow Standard Webhooks, with every parameter in the body: the query of a POST is not signed. Change nothing after signing, not even the order, and sign a retry anew.",
	ReasonSignatureExpired: "The time that was signed is more than five minutes off. Set your server's clock by NTP, and sign each request when it is sent, retries too: sig_time=1772366400 is in Unix seconds.",
	ReasonIPNotAllowed:     "The request came from an address that is not on your list. Ask the network to add the address your server sends from (203.0.113.7, or a range such as 203.0.113.0/24); behind a proxy, that is the proxy's.",

	ReasonUnknownClick:  "The click id is well made, but no such click is known to your account: it is another advertiser's or another network's, or too old. Send each event to the network whose click id came with the visitor, and with the click_id of that visit, not of an earlier one.",
	ReasonForgedClickID: "What was sent as click_id was not given out here: it is an id of your own, a test value such as 12345, or another network's. Send the value that the landing page got in click_id, unchanged.",

	ReasonTransactionConflict: "A txid was used again for something else: with another click, amount or currency. Give every event its own id (the order's number, not the customer's), send a repetition exactly as the first time, and have the network correct an amount that has changed: from then on the event may be told with either.",
	ReasonInvalidTransition:   "A decided event was to be changed by a postback, which moves pending events only. Send status=approved or status=rejected once, when it is final, and ask the network's staff to reverse one that was decided already.",

	ReasonBodyTooLarge:         "The body is larger than 64 KB: send one event per request, and only the parameters that are needed.",
	ReasonUnsupportedMediaType: "Send a POST's body as application/x-www-form-urlencoded or application/json in UTF-8 and uncompressed, and say so in Content-Type; or send the parameters in the query of a GET.",

	ReasonUnknownEvent:   "The offer has no goal of that name; the message of each request lists those it has. Send one of them, spelled the same (event_type=sale, not Sale or purchase), or ask the network for another goal.",
	ReasonOutsideWindow:  "The event came too late after its click, or carries a time before it. Report events when they happen, send timestamp in UTC (timestamp=2026-03-01T12:00:00Z), and the click_id of the visit that led to the event. If customers take longer to decide, ask the network for a longer window.",
	ReasonBelowThreshold: "The amounts are below what the goal counts from; that is what was agreed, and needs no change. If they look too small, check that you send the whole amount (amount=49.90, not 0.499) in its own currency.",
	ReasonCapReached:     "The offer had reached its cap. The events are kept as rejected: ask the network to raise the cap, or to pause the offer before it is reached.",
	ReasonOfferInactive:  "The visitors came while the offer did not take them: it was paused, the affiliate was not let in, or they were off target. They were not sent by the offer's link; if they should count, ask the network to look at the offer's status, access and targeting.",

	ReasonPixelWithoutPostback: "Visitors reached the page that carries the pixel, but no postback followed within a day: the browser's part works, the server's does not. Have your server send a postback where the page shows the pixel, with the same click_id: /postback?click_id=…&txid=1001&event_type=sale.",
	ReasonClicksNeverConvert:   "Others' clicks on this offer convert, and none of these do. Try the link once, from click to order, and look whether the click id arrives: an audit of redirects shows where it is lost. Often a redirect of the affiliate's, or a landing page of its own, drops the query.",
	ReasonPostbacksStopped:     "Postbacks used to come all the time, and have stopped. Look whether your sender was switched off, changed with a release, or gave up after errors, and send what it missed: events count by their own timestamp, and none is counted twice.",
	ReasonDuplicatesRising:     "More and more of the requests repeat events that are known already. A retry in your sender does not take 200 for an answer, or two systems report the same events. Look at the requests' bodies and addresses, and stop one of them.",
}
