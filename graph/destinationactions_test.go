package graph_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// echo sends no test, and tells what it would have sent. Package jobs tests the
// sending.
type echo struct{ store *db.Store }

func (e echo) SendTest(ctx context.Context, actor proofback.Actor, destination uuid.UUID, status proofback.Status) (*proofback.Attempt, error) {
	s, err := e.store.MakeUpSending(ctx, actor, destination, status)
	if err != nil {
		return nil, err
	}
	return &proofback.Attempt{
		At: time.Now(), URL: s.Destination.URLTemplate, Outcome: proofback.OutcomeServerError, ResponseStatus: 503,
		ResponseBody: string(s.Conversion.Status), Duration: 1500 * time.Microsecond, Error: "the endpoint answered 503",
		Exchange: proofback.Exchange{Method: "GET", RequestHeaders: "A: b\nC: d: e", ResponseHeaders: "X: y"},
	}, nil
}

// endpoint makes one of the blog's.
func (m *market) endpoint(input vars) string {
	m.t.Helper()
	in := vars{"urlTemplate": "https://blog.example/?c={click_id}"}
	for name, value := range input {
		in[name] = value
	}
	return m.must(m.asBlog, "CreateAffiliatePostback", vars{"input": in}).id("createAffiliatePostback", "affiliatePostback", "id")
}

func TestATestShowsWhatCameBackToWhoOwnsTheEndpoint(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	id := m.endpoint(nil)
	for _, actor := range []proofback.Actor{m.asBlog, manager, admin} {
		got := m.must(actor, "TestAffiliatePostback", vars{"input": vars{"id": id, "status": "REJECTED"}})
		a, _ := got.at("testAffiliatePostback", "attempt").(map[string]any)
		if a["outcome"] != "SERVER_ERROR" || a["responseStatus"] != 503.0 || a["responseBody"] != "REJECTED" || a["durationMs"] != 1.5 || a["error"] == nil {
			t.Errorf("%s: got %v", actor.Role, a)
		}
	}
	for _, actor := range []proofback.Actor{m.asRival, m.asShop} {
		if got := m.run(actor, "TestAffiliatePostback", vars{"input": vars{"id": id}}); got.mistake("testAffiliatePostback") != "NOT_FOUND id" {
			t.Errorf("%s: got %+v", actor.Role, got)
		}
	}
	if got := m.run(nobody, "TestAffiliatePostback", vars{"input": vars{"id": id}}); got.code() != "UNAUTHENTICATED" {
		t.Errorf("got %+v", got)
	}
	const exchange = `mutation($input: TestAffiliatePostbackInput!) {
		testAffiliatePostback(input: $input) {
			attempt { request { method url headers { name value } body } response { status headers { name value } body } }
		}
	}`
	got := m.do(m.asBlog, exchange, vars{"input": vars{"id": id}}).at("testAffiliatePostback", "attempt")
	want := "map[request:map[body:<nil> headers:[map[name:A value:b] map[name:C value:d: e]] method:GET url:https://blog.example/?c={click_id}]" +
		" response:map[body:PENDING headers:[map[name:X value:y]] status:503]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
}

const rotate = `mutation($input: RotateAffiliatePostbackSecretInput!) {
	rotateAffiliatePostbackSecret(input: $input) { affiliatePostback { oldSecretUntil } secret userErrors { code field } }
}`

func TestASecretIsRotatedByItsOwner(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	id := m.endpoint(nil)
	in := func(keep int) vars { return vars{"input": vars{"id": id, "keepOldFor": keep}} }
	got := m.do(m.asBlog, rotate, in(60))
	if secret := got.id("rotateAffiliatePostbackSecret", "secret"); !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("got %q", secret)
	}
	until, err := time.Parse(time.RFC3339, got.id("rotateAffiliatePostbackSecret", "affiliatePostback", "oldSecretUntil"))
	if left := time.Until(until); err != nil || left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("the old one is kept until %s, %v", until, err)
	}
	if got := m.do(manager, rotate, in(0)); got.at("rotateAffiliatePostbackSecret", "affiliatePostback", "oldSecretUntil") != nil {
		t.Errorf("got %+v", got)
	}
	for _, keep := range []int{-1, 43201} {
		if got := m.do(m.asBlog, rotate, in(keep)); got.mistake("rotateAffiliatePostbackSecret") != "BAD_USER_INPUT keepOldFor" {
			t.Errorf("got %+v", got)
		}
	}
	if got := m.do(m.asRival, rotate, in(0)); got.mistake("rotateAffiliatePostbackSecret") != "NOT_FOUND id" {
		t.Errorf("got %+v", got)
	}
}

func TestATemplateIsLintedBeforeAndAfterItIsSaved(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	const lint = `query($t: String!, $m: HttpMethod) { lintAffiliatePostback(urlTemplate: $t, method: $m) { code message } }`
	got := m.do(m.asBlog, lint, vars{"t": "http://blog.example/?x={transaction_id}&y=a%2520b"})
	var codes []string
	for _, w := range got.at("lintAffiliatePostback").([]any) {
		codes = append(codes, w.(map[string]any)["code"].(string))
	}
	if strings.Join(codes, " ") != "UNKNOWN_MACRO NO_CLICK_REFERENCE NOT_HTTPS DOUBLE_ENCODING" {
		t.Errorf("got %v", codes)
	}
	if said := got.id("lintAffiliatePostback", 0, "message"); !strings.Contains(said, "{txid}") {
		t.Errorf("got %q", said)
	}
	if got := m.do(m.asBlog, lint, vars{"t": "https://blog.example/", "m": "POST"}); len(got.at("lintAffiliatePostback").([]any)) != 0 {
		t.Errorf("got %+v", got)
	}
	if got := m.do(nobody, lint, vars{"t": ""}); got.code() != "UNAUTHENTICATED" {
		t.Errorf("got %+v", got)
	}
	const create = `mutation($input: CreateAffiliatePostbackInput!) {
		createAffiliatePostback(input: $input) { affiliatePostback { warnings { code } } userErrors { code field message } }
	}`
	if got := m.do(m.asBlog, create, vars{"input": vars{"urlTemplate": "http://blog.example/?c={click_id}"}}); got.id("createAffiliatePostback", "affiliatePostback", "warnings", 0, "code") != "NOT_HTTPS" {
		t.Errorf("got %+v", got)
	}
	if got := m.do(m.asBlog, create, vars{"input": vars{"urlTemplate": "https://blog.example/?c={clickid}"}}); !strings.Contains(got.id("createAffiliatePostback", "userErrors", 0, "message"), "did you mean {click_id}?") {
		t.Errorf("got %+v", got)
	}
}

func TestAnEndpointsLimitsAreSetAndTakenAway(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	id := m.endpoint(vars{"latestOnly": true, "maxPerSecond": 20})
	const update = `mutation($input: UpdateAffiliatePostbackInput!) {
		updateAffiliatePostback(input: $input) {
			affiliatePostback { latestOnly maxPerSecond health { state breaker failuresInRow failingSince nextProbeAt } } userErrors { code field }
		}
	}`
	for _, step := range []struct {
		input vars
		want  string
	}{
		{vars{}, "map[health:map[breaker:CLOSED failingSince:<nil> failuresInRow:0 nextProbeAt:<nil> state:UNKNOWN] latestOnly:true maxPerSecond:20]"},
		{vars{"maxPerSecond": 5, "latestOnly": false}, "map[health:map[breaker:CLOSED failingSince:<nil> failuresInRow:0 nextProbeAt:<nil> state:UNKNOWN] latestOnly:false maxPerSecond:5]"},
		{vars{"maxPerSecond": nil}, "map[health:map[breaker:CLOSED failingSince:<nil> failuresInRow:0 nextProbeAt:<nil> state:UNKNOWN] latestOnly:false maxPerSecond:<nil>]"},
	} {
		step.input["id"] = id
		got := m.do(m.asBlog, update, vars{"input": step.input})
		if shown := fmt.Sprint(got.at("updateAffiliatePostback", "affiliatePostback")); shown != step.want {
			t.Errorf("%v: got %s", step.input, shown)
		}
	}
	for _, bad := range []int{0, -3, 10_001} {
		if got := m.do(m.asBlog, update, vars{"input": vars{"id": id, "maxPerSecond": bad}}); got.mistake("updateAffiliatePostback") != "BAD_USER_INPUT maxPerSecond" {
			t.Errorf("%d: got %+v", bad, got)
		}
	}
}

func TestNoticesAreTheirAffiliatesAlone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	id := m.endpoint(nil)
	_, err := m.store.Pool().Exec(t.Context(), `
		INSERT INTO notices (id, affiliate_id, destination_id, kind, message, at)
		VALUES (gen_random_uuid(), $1, $2, 'DESTINATION_PAUSED', 'It was switched off.', now())`, mustKey(t, m.blog), mustKey(t, id))
	if err != nil {
		t.Fatal(err)
	}
	const list = `query($f: NoticeFilter) { notices(filter: $f) { edges { node { id kind message at affiliate { id } affiliatePostback { id } } } } }`
	for _, tt := range []struct {
		actor  proofback.Actor
		filter vars
		want   int
	}{
		{m.asBlog, nil, 1},
		{m.asRival, nil, 0},
		{m.asShop, nil, 0},
		{manager, nil, 1},
		{manager, vars{"affiliateId": m.blog}, 1},
		{manager, vars{"affiliateId": m.rival}, 0},
		{m.asRival, vars{"affiliateId": m.blog}, 0},
	} {
		got := m.do(tt.actor, list, vars{"f": tt.filter})
		rows, _ := got.at("notices", "edges").([]any)
		if len(rows) != tt.want {
			t.Errorf("%s %v: got %+v", tt.actor.Role, tt.filter, got)
		}
		if len(rows) == 1 && (got.at("notices", "edges", 0, "node", "affiliatePostback", "id") != id || got.at("notices", "edges", 0, "node", "affiliate", "id") != m.blog) {
			t.Errorf("got %+v", got)
		}
	}
	notice := m.do(m.asBlog, list, nil).id("notices", "edges", 0, "node", "id")
	const node = `query($id: ID!) { node(id: $id) { ... on Notice { kind } } }`
	if got := m.do(m.asBlog, node, vars{"id": notice}); got.at("node", "kind") != "DESTINATION_PAUSED" {
		t.Errorf("got %+v", got)
	}
	if got := m.do(m.asRival, node, vars{"id": notice}); got.at("node") != nil {
		t.Errorf("got %+v", got)
	}
}

func TestABackfillTellsOfWhatWasBeforeOnce(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	for i := range 3 {
		l.postback(l.click(l.blog), fmt.Sprintf("event_type=sale&txid=%d", i))
	}
	l.postback(l.click(l.rival), "event_type=sale&txid=9")
	id := l.endpoint(nil)
	const backfill = `mutation($input: BackfillAffiliatePostbackInput!) {
		backfillAffiliatePostback(input: $input) { count userErrors { code field } }
	}`
	now := time.Now()
	in := func(id string, from, to time.Duration) vars {
		return vars{"input": vars{"id": id, "from": now.Add(from).Format(time.RFC3339), "to": now.Add(to).Format(time.RFC3339)}}
	}
	for _, step := range []struct {
		actor    proofback.Actor
		from, to time.Duration
		want     any
	}{
		{l.asBlog, -2 * time.Hour, -time.Hour, 0.0},
		{l.asBlog, -time.Hour, time.Hour, 3.0},
		{l.asBlog, -time.Hour, time.Hour, 0.0},
		{manager, -time.Hour, time.Hour, 0.0},
	} {
		if got := l.do(step.actor, backfill, in(id, step.from, step.to)); got.at("backfillAffiliatePostback", "count") != step.want {
			t.Errorf("got %+v, want %v", got, step.want)
		}
	}
	if got := l.do(l.asRival, backfill, in(id, -time.Hour, time.Hour)); got.mistake("backfillAffiliatePostback") != "NOT_FOUND id" {
		t.Errorf("got %+v", got)
	}
	if got := l.do(l.asBlog, backfill, in(id, time.Hour, -time.Hour)); got.mistake("backfillAffiliatePostback") != "BAD_USER_INPUT to" {
		t.Errorf("got %+v", got)
	}
}
