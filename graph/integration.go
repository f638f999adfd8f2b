package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/generated"
	"github.com/proofback/proofback/graph/model"
)

type integrationTestFields Resolver

// IntegrationTest answers the fields of IntegrationTest.
func (r *Resolver) IntegrationTest() generated.IntegrationTestResolver {
	return (*integrationTestFields)(r)
}

func (m *mutation) TestIntegration(ctx context.Context, in model.TestIntegrationInput) (*model.TestIntegrationPayload, error) {
	var ids idReader
	offer := ids.one(proofback.KindOffer, in.OfferID, "offerId")
	t, err := (*proofback.IntegrationTest)(nil), ids.err()
	if err == nil {
		t, err = m.Store.StartIntegrationTest(ctx, ActorFrom(ctx), offer)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.TestIntegrationPayload{UserErrors: mistakes}, err
	}
	return &model.TestIntegrationPayload{IntegrationTest: showIntegrationTest(t, m.PublicURL, m.ClickKeys), UserErrors: mistakes}, nil
}

func (q *query) IntegrationTest(ctx context.Context, id string) (*model.IntegrationTest, error) {
	key, err := proofback.ParseIDOf(proofback.KindIntegrationTest, id)
	if err != nil {
		return nil, err
	}
	return q.integrationTest(ctx, key)
}

// integrationTest finds a test; nil when there is none that the actor may see.
func (q *query) integrationTest(ctx context.Context, id uuid.UUID) (*model.IntegrationTest, error) {
	t, err := q.Store.IntegrationTest(ctx, ActorFrom(ctx), id)
	switch proofback.CodeOf(err) {
	case "":
		return showIntegrationTest(t, q.PublicURL, q.ClickKeys), nil
	case proofback.CodeNotFound, proofback.CodeForbidden:
		return nil, nil
	}
	return nil, err
}

func (r *integrationTestFields) Offer(ctx context.Context, t *model.IntegrationTest) (*model.Offer, error) {
	return offer(ctx, t.OfferID)
}

// showIntegrationTest is a test as the API shows it.
func showIntegrationTest(t *proofback.IntegrationTest, publicURL string, keys *proofback.ClickKeys) *model.IntegrationTest {
	clickID := keys.Encode(t.Click.ID)
	out := &model.IntegrationTest{
		ID:         proofback.GlobalID(proofback.KindIntegrationTest, t.Click.ID),
		StartedAt:  t.Click.At,
		ClickID:    clickID,
		LandingURL: orNull(proofback.LandingURL(t.Terms, t.Click, "", clickID)),
		Passed:     t.Passed(),
		Steps: show(t.Steps(), func(s proofback.Step) *model.IntegrationStep {
			return &model.IntegrationStep{Name: s.Name, State: s.State, At: orNull(s.At), Detail: s.Detail}
		}),
		Postbacks:   show(t.Postbacks, showPostback),
		Strays:      show(t.Strays, showPostback),
		Conversions: show(t.Conversions, showConversion),
		OfferID:     t.Click.OfferID,
	}
	for i := range t.Terms.Goals {
		g := &t.Terms.Goals[i]
		url := t.PostbackURL(publicURL, clickID, g)
		out.Goals = append(out.Goals, &model.IntegrationGoal{EventType: g.EventType, PostbackURL: url})
		if out.PostbackURL == "" && g.Requires == "" {
			out.PostbackURL = url
		}
	}
	return out
}
