package jobs

import (
	"context"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/proofback/proofback"
)

// A test goes to any URL that somebody has written down, at once and as often as
// they press the button: few in a row, and then one each few seconds.
const (
	testBurst = 10
	testEvery = 3 * time.Second
)

// maxTesters is how many affiliates' latest tests are remembered.
const maxTesters = 10_000

func newTestLimits() *lru.Cache[uuid.UUID, *rate.Limiter] {
	limits, err := lru.New[uuid.UUID, *rate.Limiter](maxTesters)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return limits
}

// SendTest sends a destination one made-up delivery, through the client that
// carries out real ones, and gives what came of it. Its owner may ask for it, and
// staff. The request is marked as a test; nothing is stored, and the health of the
// destination does not change. "" is the first status that it wants to be told.
func (j *Jobs) SendTest(ctx context.Context, actor proofback.Actor, destination uuid.UUID, status proofback.Status) (*proofback.Attempt, error) {
	if j.deliver.clickKeys == nil {
		return nil, proofback.Errorf(proofback.CodeUnavailable, "this server sends nothing: ask one that does")
	}
	s, err := j.deliver.store.MakeUpSending(ctx, actor, destination, status)
	if err != nil {
		return nil, err
	}
	limit, known, _ := j.testLimits.PeekOrAdd(s.Destination.AffiliateID, rate.NewLimiter(rate.Every(testEvery), testBurst))
	if !known {
		limit, _ = j.testLimits.Get(s.Destination.AffiliateID)
	}
	if !limit.AllowN(j.now(), 1) {
		return nil, proofback.Errorf(proofback.CodeRateLimited, "too many tests in a short time: wait %s", testEvery)
	}
	res, err := j.deliver.attempt(ctx, s)
	if err != nil {
		return nil, proofback.Errorf(proofback.CodeUnavailable, "the test was interrupted: try again")
	}
	return &proofback.Attempt{
		DeliveryID:     s.Delivery.ID,
		Number:         1,
		At:             res.At,
		URL:            res.URL,
		Outcome:        res.Outcome,
		ResponseStatus: res.Status,
		ResponseBody:   res.Body,
		Duration:       res.Duration,
		Error:          res.Error,
		Exchange:       res.Exchange,
	}, nil
}
