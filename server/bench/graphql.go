package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/graph"
	"github.com/proofback/proofback/server/auth"
	"github.com/proofback/proofback/server/bench/load"
)

// What a page of conversions is compared to: the statements that it costs, sent by a
// handler that does nothing else.
const (
	baselineReplay      = "plain handler, the same SQL without RLS"
	baselineReplayBound = "plain handler, the same SQL with RLS"
)

// replayConnections is how large the program's pool is, and theirs too.
const replayConnections = 20

// pageRows is how many conversions a page has, of each affiliate of the network.
const pageRows = 50

// pageQuery is a page as partner UIs ask for it.
const pageQuery = `query {
	conversions(first: 50) {
		edges { node {
			id transactionId eventType status reason eventAt receivedAt
			payout { amount currency }
			amount { amount currency }
			normalized { payout { amount currency } rateDate rateSource }
			offer { id name status }
			affiliate { id name }
			click { id clickId at country device source subs { index value } }
		} }
		pageInfo { hasNextPage endCursor }
	}
}`

// graphql compares pages of conversions, each with its offer, affiliate and click, with
// a plain handler that sends the same SQL, under row-level security and without it.
func (s *suite) graphql(ctx context.Context) (err error) {
	if err := s.bed.fill(ctx, s.Clicks); err != nil {
		return err
	}
	if err := s.bed.convert(ctx); err != nil {
		return err
	}
	if err := s.bed.settle(ctx); err != nil {
		return err
	}
	actors, err := s.bed.affiliates(ctx)
	if err != nil {
		return err
	}
	pages, err := s.bed.record(ctx, actors)
	if err != nil {
		return err
	}
	bare := make([]statements, len(pages))
	for i, p := range pages {
		bare[i] = p.withoutRoles()
	}
	ours, err := s.bed.pageRequests(ctx, actors)
	if err != nil {
		return err
	}
	var plain load.PageTraffic
	for i := range pages {
		plain.Requests = append(plain.Requests, "GET /page?n="+strconv.Itoa(i)+" HTTP/1.1\r\nHost: bench\r\n\r\n")
	}
	var field []*contender
	defer func() {
		for _, c := range field {
			err = errors.Join(err, c.server.stop())
		}
	}()
	for _, c := range []struct {
		name    string
		serve   func() (*child, error)
		traffic load.PageTraffic
	}{
		{baselineReplay, func() (*child, error) { return s.serveReplay(ctx, baselineReplay, bare) }, plain},
		{baselineReplayBound, func() (*child, error) { return s.serveReplay(ctx, baselineReplayBound, pages) }, plain},
		{oursName, func() (*child, error) {
			return s.serveProgram(ctx, []string{"PROOFBACK_QUERY_BUDGET=0"}, "serve", "--role=api")
		}, ours},
	} {
		server, err := c.serve()
		if err != nil {
			return err
		}
		field = append(field, &contender{name: c.name, server: server, ours: c.name == oursName, stores: c.name == oursName, job: load.Job{Addr: server.addr, Pages: &c.traffic}})
	}
	for _, n := range s.Connections {
		if err := s.row(ctx, strconv.Itoa(n), load.Job{Connections: n}, field...); err != nil {
			return err
		}
	}
	for _, rate := range s.Rates {
		if err := s.row(ctx, fmt.Sprintf("%d/s", rate), load.Job{Connections: openConnections, Rate: rate}, field...); err != nil {
			return err
		}
	}
	if answered := s.answered["200"]; len(s.answered) != 1 || answered == 0 {
		return fmt.Errorf("not every page was answered: %v", s.answered)
	}
	return nil
}

// convert makes a conversion of each of the first clicks, unless they are there.
func (b *bed) convert(ctx context.Context) error {
	const most = 50_000
	last := b.Clicks.ID(min(most, b.Clicks.Count) - 1)
	_, err := b.store.Pool().Exec(ctx, `
		INSERT INTO conversions (id, advertiser_id, offer_id, goal_id, affiliate_id, click_id, terms_id, postback_id, event_type, txid, status, began,
			event_at, received_at, click_at, amount, amount_currency, payout, payout_currency, revenue, revenue_currency,
			normal_payout, normal_revenue, normal_currency, rate_date, rate_source)
		SELECT uuid_v7(k.at), k.advertiser_id, k.offer_id, g.id, k.affiliate_id, k.id, k.terms_id, k.id, 'sale', 'page-' || k.id, 'PENDING', 'PENDING',
			k.at, k.at, k.at, 49.90, 'EUR', 3.99, 'EUR', 4.99, 'EUR', 3.99, 4.99, 'EUR', current_date, 'SAME'
		FROM clicks AS k
		JOIN goals AS g ON g.offer_id = k.offer_id
		WHERE k.id <= $1
		ON CONFLICT DO NOTHING`, last)
	return err
}

// affiliates are those of the network, as who acts.
func (b *bed) affiliates(ctx context.Context) ([]proofback.Actor, error) {
	w, err := b.store.Affiliates(ctx, proofback.System(), proofback.PartnerFilter{}, proofback.Page{Limit: affiliates})
	if err != nil {
		return nil, err
	}
	actors := make([]proofback.Actor, len(w.Items))
	for i, a := range w.Items {
		actors[i] = proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: a.ID}
	}
	return actors, nil
}

// record asks for each actor's page, in this process, and keeps the statements that it
// cost, with the look whether its session goes on. Two tries: what is only asked now and
// then, such as which partitions there are, is no part of it.
func (b *bed) record(ctx context.Context, actors []proofback.Actor) ([]statements, error) {
	rec := &recorder{}
	sealer, err := db.NewSealer(make([]byte, keyBytes))
	if err != nil {
		return nil, err
	}
	store, err := db.Open(ctx, db.Config{URL: b.cluster.URL(), Sealer: sealer, Tracer: rec})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	keys, err := proofback.NewClickKeys(1, proofback.ClickKey{Version: 1, Secret: b.Clicks.Secret})
	if err != nil {
		return nil, err
	}
	handler := (&graph.Resolver{Store: store, ClickKeys: keys}).Handler()
	var pages []statements
	for i := range actors {
		actor, err := b.signedIn(ctx, actors[i])
		if err != nil {
			return nil, err
		}
		var cost statements
		for range 2 {
			if _, err := rec.take(); err != nil {
				return nil, err
			}
			if err := store.Standing(ctx, proofback.System(), actor); err != nil {
				return nil, err
			}
			if err := onePage(ctx, handler, actor); err != nil {
				return nil, err
			}
			if cost, err = rec.take(); err != nil {
				return nil, err
			}
		}
		pages = append(pages, cost)
	}
	n := 0
	for _, trip := range pages[0] {
		n += len(trip)
	}
	progress("a page costs %d statements in %d round trips, the look at its session included", n, len(pages[0]))
	return pages, nil
}

// onePage asks for an actor's page.
func onePage(ctx context.Context, handler http.Handler, actor proofback.Actor) error {
	body, err := json.Marshal(map[string]string{"query": pageQuery})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(graph.WithActor(ctx, actor), http.MethodPost, "/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	answer := &page{header: http.Header{}}
	handler.ServeHTTP(answer, req)
	if got := strings.Count(answer.String(), `"transactionId"`); got != pageRows || strings.Contains(answer.String(), `"errors"`) {
		return fmt.Errorf("a page has %d conversions instead of %d: take more clicks\n%.500s", got, pageRows, answer)
	}
	return nil
}

// page takes an answer up.
type page struct {
	bytes.Buffer
	header http.Header
}

func (p *page) Header() http.Header { return p.header }
func (*page) WriteHeader(int)       {}

// pageRequests are what partner UIs of the actors send.
func (b *bed) pageRequests(ctx context.Context, actors []proofback.Actor) (load.PageTraffic, error) {
	var t load.PageTraffic
	tokens, err := b.accessTokens(ctx, actors)
	if err != nil {
		return t, err
	}
	body, err := json.Marshal(map[string]string{"query": pageQuery})
	if err != nil {
		return t, err
	}
	for _, token := range tokens {
		t.Requests = append(t.Requests, fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			token, len(body), body))
	}
	return t, nil
}

// accessTokens signs actors in.
func (b *bed) accessTokens(ctx context.Context, actors []proofback.Actor) ([]string, error) {
	tokens, err := auth.NewTokens(auth.TokenConfig{Key: []byte(base64.StdEncoding.EncodeToString(b.Clicks.Secret)), Issuer: "proofback", Audience: "proofback"})
	if err != nil {
		return nil, err
	}
	list := make([]string, len(actors))
	for i, a := range actors {
		if a, err = b.signedIn(ctx, a); err != nil {
			return nil, err
		}
		if list[i], _, err = tokens.Sign(a, 24*time.Hour); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// signedIn makes a user of an actor's, with a session: each request looks whether it
// goes on.
func (b *bed) signedIn(ctx context.Context, a proofback.Actor) (proofback.Actor, error) {
	u, err := b.store.CreateUser(ctx, proofback.System(), db.NewUser{
		User:     proofback.User{Email: uuid.NewString() + "@bench.example", Role: a.Role, AffiliateID: a.AffiliateID},
		Password: "nobody signs in with it",
		Hash:     func(context.Context, string) (string, error) { return "", nil },
	})
	if err != nil {
		return a, err
	}
	a.UserID = u.ID
	token := uuid.New()
	a.SessionID, err = b.store.StartSession(ctx, proofback.System(), db.NewSession{User: u, TokenHash: token[:], Expires: time.Now().Add(24 * time.Hour)})
	return a, err
}

// serveReplay starts a plain handler.
func (s *suite) serveReplay(ctx context.Context, name string, pages []statements) (*child, error) {
	return start(ctx, os.Environ(), baselineSpec{Name: name, URL: s.bed.cluster.URL(), Connections: replayConnections, Pages: pages}, "bench-baseline")
}
