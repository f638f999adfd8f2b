package graph

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/proofback/proofback"
)

// clientsKept is how many clients' budgets are remembered: those that asked last. Whoever
// is forgotten has not asked for long, or is one of very many.
const clientsKept = 20_000

// clients are what everybody who asks has left. They are this process's: a client of
// three processes has three budgets.
type clients struct {
	budget int // of a client for a minute; 0 is without end
	atOnce int // operations of a client
	follow int // subscriptions of a client
	now    func() time.Time

	mu      sync.Mutex
	each    *lru.Cache[string, *client]
	running int // operations of all
}

type client struct {
	left    float64
	at      time.Time // when it had that
	running int
	follows int // subscriptions
}

func newClients(budget, atOnce, follow int) *clients {
	each, err := lru.New[string, *client](clientsKept)
	if err != nil {
		panic(err) // the size is above zero
	}
	return &clients{budget: budget, atOnce: atOnce, follow: follow, now: time.Now, each: each}
}

// clientOf is who pays for an operation: the key or user that acts, else its company or
// its address.
func clientOf(ctx context.Context) string {
	a := ActorFrom(ctx)
	for _, id := range []uuid.UUID{a.APIKeyID, a.UserID, a.AffiliateID, a.AdvertiserID} {
		if id != uuid.Nil {
			return id.String()
		}
	}
	return string(a.Role) + " " + proofback.TryNetwork(AddressFrom(ctx))
}

// of gives a client with its budget as of now; c.mu is held.
func (c *clients) of(name string) *client {
	now := c.now()
	k, ok := c.each.Get(name)
	if !ok {
		k = &client{left: float64(c.budget), at: now}
		c.each.Add(name, k)
	}
	if gone := now.Sub(k.at); gone > 0 {
		k.left, k.at = min(float64(c.budget), k.left+gone.Minutes()*float64(c.budget)), now
	}
	return k
}

// admit lets a client have one more operation run.
func (c *clients) admit(ctx context.Context) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running >= maxAtOnceOfAll {
		return nil, proofback.Errorf(proofback.CodeRateLimited, "too much is being asked at this moment: nothing was done, send it again")
	}
	free, err := c.take(ctx, func(k *client) *int { return &k.running }, c.atOnce, "you have %d operations running already: wait for them")
	if err != nil {
		return nil, err
	}
	c.running++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running--
		free()
	}, nil
}

// subscribe lets a client have one more subscription, which is open for as long as it
// likes: each takes memory, and time of whoever tells of changes.
func (c *clients) subscribe(ctx context.Context) (leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	free, err := c.take(ctx, func(k *client) *int { return &k.follows }, c.follow, "you have %d subscriptions already: end one of them, or have one tell of more")
	if err != nil {
		return nil, err
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		free()
	}, nil
}

// take counts one more of what a client has, up to a number; c.mu is held, and when it is
// given back.
func (c *clients) take(ctx context.Context, of func(*client) *int, most int, refusal string) (free func(), err error) {
	n := of(c.of(clientOf(ctx)))
	if *n >= most {
		return nil, proofback.Errorf(proofback.CodeRateLimited, refusal, *n)
	}
	*n++
	return func() { *n-- }, nil
}

// spent is what an operation has cost its client, and what that has left.
type spent struct {
	Cost int `json:"cost"`
	*left
}

// left is what is left of a budget.
type left struct {
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
	// ResetSeconds is how long it takes until the budget is whole again.
	ResetSeconds int `json:"resetSeconds"`
}

// charge takes the cost of an operation from its client's budget, which may fall a whole
// operation short: whoever has anything left may ask.
func (c *clients) charge(ctx context.Context, cost int) (spent, bool) {
	s := spent{Cost: cost}
	if c.budget == 0 {
		return s, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.of(clientOf(ctx))
	enough := k.left > 0
	if enough {
		k.left -= float64(cost)
	}
	s.left = &left{
		Limit:        c.budget,
		Remaining:    max(0, int(k.left)),
		ResetSeconds: int(math.Ceil((1 - k.left/float64(c.budget)) * 60)),
	}
	return s, enough
}

// costLimit refuses operations that cost too much, at once or after all others.
type costLimit struct {
	clients *clients
	schema  graphql.ExecutableSchema
}

var _ graphql.OperationContextMutator = &costLimit{}

func (*costLimit) ExtensionName() string { return costExtension }

func (l *costLimit) Validate(schema graphql.ExecutableSchema) error {
	l.schema = schema
	return nil
}

// costExtension is where an operation's context, and its answer, have what it cost.
const costExtension = "cost"

func (l *costLimit) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	cost := complexity.Calculate(ctx, l.schema, op.Operation, op.Variables)
	if cost > maxComplexity {
		return tooMuch("the operation costs %d, and one may cost %d: ask for fewer rows, or for less of each", cost, maxComplexity)
	}
	s, enough := l.clients.charge(ctx, cost)
	op.Stats.SetExtension(costExtension, s)
	if !enough {
		return &gqlerror.Error{
			Message:    "you have asked for more than a minute's budget: wait, and ask for less",
			Extensions: map[string]any{"code": "RATE_LIMITED"},
		}
	}
	return nil
}

// tellCost puts what an operation has cost beside its answer.
func tellCost(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp == nil || !graphql.HasOperationContext(ctx) {
		return resp
	}
	if s, ok := graphql.GetOperationContext(ctx).Stats.GetExtension(costExtension).(spent); ok {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions[costExtension] = s
	}
	return resp
}

// budgetHeaders says the same in headers (draft-ietf-httpapi-ratelimit-headers).
func budgetHeaders(resp *graphql.Response, h http.Header) {
	s, ok := resp.Extensions[costExtension].(spent)
	if !ok || s.left == nil {
		return
	}
	h.Set("RateLimit-Limit", strconv.Itoa(s.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(s.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(s.ResetSeconds))
	if s.Remaining == 0 {
		h.Set("Retry-After", "1")
	}
}
