package graph

import (
	"context"
	"time"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// LintAffiliatePostback tells what is probably not meant in a template.
func (q *query) LintAffiliatePostback(ctx context.Context, urlTemplate string, method *string) ([]*proofback.TemplateWarning, error) {
	if err := ActorFrom(ctx).RequireSignedIn(); err != nil {
		return nil, err
	}
	if len(urlTemplate) > proofback.MaxTemplateBytes {
		return nil, proofback.Invalid([]string{"urlTemplate"}, "at most %d bytes", proofback.MaxTemplateBytes)
	}
	return showWarnings(proofback.LintDestination(orZero(method), urlTemplate)), nil
}

func (m *mutation) RotateAffiliatePostbackSecret(ctx context.Context, in model.RotateAffiliatePostbackSecretInput) (*model.RotateAffiliatePostbackSecretPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAffiliatePostback, in.ID, "id")
	d, secret, err := (*proofback.Destination)(nil), "", ids.err()
	if err == nil {
		d, secret, err = m.Store.RotateDestinationSecret(ctx, ActorFrom(ctx), id, minutes(in.KeepOldFor))
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.RotateAffiliatePostbackSecretPayload{UserErrors: mistakes}, err
	}
	return &model.RotateAffiliatePostbackSecretPayload{AffiliatePostback: showDestination(d), Secret: &secret, UserErrors: mistakes}, nil
}

// minutes reads a number of them, bounded so that it fits a Duration; the Store
// says what is allowed.
func minutes(n *int) time.Duration {
	return time.Duration(min(max(orZero(n), -1), 1<<30)) * time.Minute
}

func (m *mutation) TestAffiliatePostback(ctx context.Context, in model.TestAffiliatePostbackInput) (*model.TestAffiliatePostbackPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAffiliatePostback, in.ID, "id")
	a, err := (*proofback.Attempt)(nil), ids.err()
	if err == nil {
		a, err = m.Tester.SendTest(ctx, ActorFrom(ctx), id, orZero(in.Status))
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.TestAffiliatePostbackPayload{UserErrors: mistakes}, err
	}
	return &model.TestAffiliatePostbackPayload{Attempt: showAttempt(a), UserErrors: mistakes}, nil
}

func (m *mutation) BackfillAffiliatePostback(ctx context.Context, in model.BackfillAffiliatePostbackInput) (*model.BackfillAffiliatePostbackPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAffiliatePostback, in.ID, "id")
	made, err := 0, ids.err()
	if err == nil {
		made, err = m.Store.BackfillDestination(ctx, ActorFrom(ctx), id, proofback.TimeRange{From: in.From, To: in.To})
	}
	mistakes, err := userErrors(err)
	if err != nil {
		return nil, err
	}
	return &model.BackfillAffiliatePostbackPayload{Count: made, UserErrors: mistakes}, nil
}
