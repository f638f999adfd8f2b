package proofback

import "time"

// Message is what a delivery tells, before it has the form that a destination
// wants.
type Message struct {
	Delivery   *Delivery
	Conversion *Conversion
	Click      *Click // its source and subs; the zero Click when it was dropped
	ClickID    string // as the affiliate's link made it, with its MAC
	// Test marks what is made up.
	Test bool
}

// IdempotencyKey is the same for every attempt of a delivery, and no other's.
func (m *Message) IdempotencyKey() string { return GlobalID(KindDelivery, m.Delivery.ID) }

// Macro gives the value of one of DestinationMacros, "" for what there is none
// of. Ids are those of the API; the status is the one that is told, which may not
// be the conversion's newest; the timestamp is the event's. The
// conversion's payout is to be what it was worth when it came to that status.
func (m *Message) Macro(name string) string {
	switch name {
	case "click_id":
		return m.ClickID
	case "txid":
		return m.Conversion.TxID
	case "event_type":
		return m.Conversion.EventType
	case "status":
		return m.Delivery.Event.Word()
	case "payout":
		return string(m.Conversion.Payout.Amount)
	case "currency":
		return m.Conversion.Payout.Currency
	case "offer_id":
		return GlobalID(KindOffer, m.Conversion.OfferID)
	case "affiliate_id":
		return GlobalID(KindAffiliate, m.Conversion.AffiliateID)
	case "conversion_id":
		return GlobalID(KindConversion, m.Conversion.ID)
	case "timestamp":
		return m.Conversion.EventAt.UTC().Format(time.RFC3339)
	case "source":
		return m.Click.Source
	case "delivery_id":
		return m.IdempotencyKey()
	}
	for i, sub := range subParams {
		if name == sub {
			return m.Click.Subs[i]
		}
	}
	return ""
}

// URL fills a destination's template in.
func (m *Message) URL(template string) (string, error) {
	t, err := ParseDestinationTemplate(template)
	if err != nil {
		return "", err
	}
	return m.Expand(t), nil
}

// Expand is URL with a template that has been read.
func (m *Message) Expand(t *Template) string { return string(t.Expand(nil, m.Macro)) }

// Body is the message as a JSON object with the macros' names, in their order
// and without those that have no value. It is what a POST carries, whatever of it
// the URL holds as well; the same message always has the same bytes.
func (m *Message) Body() []byte {
	b := []byte{'{'}
	for _, name := range DestinationMacros.names {
		value := m.Macro(name)
		if value == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = appendJSONString(b, name)
		b = append(b, ':')
		b = appendJSONString(b, value)
	}
	if m.Test {
		b = append(b, `,"test":"true"`...) // a message always has a status before it
	}
	return append(b, '}')
}
