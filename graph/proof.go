package graph

import (
	"context"
	"encoding/json"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (r *conversionFields) Proof(ctx context.Context, c *model.Conversion) (*model.LedgerProof, error) {
	proof, err := apart(ctx, func(ctx context.Context) (*proofback.Proof, error) {
		return r.Store.ConversionProof(ctx, ActorFrom(ctx), c.ConversionID)
	})
	return showProof(proof, err)
}

// showProof is a proof as the API shows it; null where there is none yet.
func showProof(proof *proofback.Proof, err error) (*model.LedgerProof, error) {
	if err != nil || proof == nil {
		return nil, err
	}
	document, err := json.Marshal(proof)
	if err != nil {
		return nil, proofback.Internal("proof", err)
	}
	entries := make([]*model.LedgerEntry, len(proof.Entries))
	for i, e := range proof.Entries {
		entries[i] = &model.LedgerEntry{Index: int(e.Index), Entry: e.Entry}
	}
	return &model.LedgerProof{Entries: entries, Checkpoint: proof.Checkpoint, Document: string(document)}, nil
}
