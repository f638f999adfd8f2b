package db

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
)

// keptReading is what is kept of a request that waits, for the next look.
func (it *decideItem) keptReading() (string, error) {
	kept := it.reading
	kept.Claim.EventAt = it.eventAt()
	kept.Nonce = "" // it was used
	b, err := json.Marshal(kept)
	return string(b), err
}

// sealedSent is how a request is kept as it came. JSON's strings are text and a raw query
// need not be, but signatures are over its bytes.
type sealedSent struct {
	Sent
	RawQuery []byte // absent from what older versions kept
}

// seal encrypts a request as it came, when it waits and nobody knows whose it is;
// else there is nothing to keep. What it holds (secrets, personal data) is never
// stored in the clear, and is dropped once it has been read.
func (s *Store) seal(it *decideItem) ([]byte, error) {
	if it.sender != uuid.Nil || it.in.Sent == nil {
		return nil, nil
	}
	b, err := json.Marshal(sealedSent{*it.in.Sent, []byte(it.in.Sent.Request.RawQuery)})
	if err != nil {
		return nil, err
	}
	return s.sealer.Seal(string(b), it.in.ID), nil
}

// unseal gives a request as it came; nil when it was not kept.
func (s *Store) unseal(sealed []byte, postback uuid.UUID) (*Sent, error) {
	if len(sealed) == 0 {
		return nil, nil //nolint:nilnil // there is nothing to read again
	}
	text, err := s.sealer.Open(sealed, postback)
	if err != nil {
		return nil, proofback.Internal("open a deferred request", err)
	}
	var sealedAs sealedSent
	if err := json.Unmarshal([]byte(text), &sealedAs); err != nil {
		return nil, proofback.Internal("read a deferred request", err)
	}
	if sealedAs.RawQuery != nil {
		sealedAs.Request.RawQuery = string(sealedAs.RawQuery)
	}
	return &sealedAs.Sent, nil
}

// readAgain is how a request that waited is read for a sender: as it was, or where
// nobody knew the sender then, anew, and as of the moment when it came.
func readAgain(was proofback.Reading, sent *Sent, sender proofback.Sender, keys *proofback.ClickKeys) proofback.Reading {
	if sent == nil || sender.Advertiser == nil {
		return was
	}
	reading := proofback.ReadRequest(sent.Request, sent.Credentials, sender, keys)
	if reading.Claim.EventAt.IsZero() {
		reading.Claim.EventAt = was.Claim.EventAt
	}
	return reading
}
