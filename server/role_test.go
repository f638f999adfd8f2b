package main_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/proofback/proofback/db/dbtest"
)

// Processes of each role do together what one does alone: a click is taken by one
// and its postback by another, approved through a third, and told to the affiliate
// by whichever works.
func TestProcessesOfEachRoleDoTogetherWhatOneDoesAlone(t *testing.T) {
	t.Parallel()
	database := dbtest.URL(t)
	at := func(role string, more ...string) *process {
		return start(t, onDatabase(database, append(more, "PROOFBACK_ROLE="+role)...)...)
	}
	ingest := at("ingest")
	api := at("api", "PROOFBACK_PUBLIC_URL="+ingest.url, "PROOFBACK_DEMO=true")
	ingest2 := at("ingest")
	const sink = "PROOFBACK_OUTBOUND_ALLOW=127.0.0.0/8"
	worker, worker2 := at("worker", sink), at("worker", sink)
	wantRolesKept(ingest, api, worker)

	c, err := dial(t.Context(), ingest.url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sentOn answer
	eventually(t, "the link is known where clicks are taken", func() bool {
		sentOn, err = c.get("/c/demo?sub1=roles")
		return err == nil && sentOn.status == 302
	})
	click := sentOn.clickID()
	sale := url.Values{"click_id": {click}, "event_type": {"sale"}, "txid": {"ROLES-1"}, "amount": {"49.90"}, "currency": {"EUR"}}
	status, body := ingest2.get("/postback?" + sale.Encode())
	var decided struct {
		ConversionID string `json:"conversion_id"`
	}
	if err := json.Unmarshal([]byte(body), &decided); err != nil || status != 200 {
		t.Fatalf("the postback got %d %s", status, body)
	}

	var approved struct {
		ApproveConversions struct{ Conversions []struct{ Status string } }
	}
	api.graphql(api.signIn("manager@demo.example"), `mutation($input: ApproveConversionsInput!) {
		approveConversions(input: $input) { conversions { status } }
	}`, map[string]any{"input": map[string]any{"ids": []string{decided.ConversionID}}}, &approved)
	if moved := approved.ApproveConversions.Conversions; len(moved) != 1 || moved[0].Status != "APPROVED" {
		t.Fatalf("approving got %+v", approved)
	}
	eventually(t, "the affiliate is told", func() bool {
		_, sink := api.get("/demo/sink")
		return strings.Contains(sink, "cid="+click) && strings.Contains(sink, "state=approved")
	})
	for _, p := range []*process{ingest, ingest2, api, worker, worker2} {
		p.stop()
	}
}

// wantRolesKept wants each process to serve what its role does, to refuse the rest
// with a sentence, and to be asked for its health.
func wantRolesKept(ingest, api, worker *process) {
	for p, serves := range map[*process]map[string]bool{
		ingest: {"/pixel.gif": true, "/readyz/clicks": true, "/graphql": false, "/": false, "/export/clicks.csv": false, "/admin/jobs": false, "/demo/sink": false},
		api:    {"/": true, "/demo/sink": true, "/c/demo": false, "/postback": false, "/pixel.gif": false, "/clicks": false, "/readyz/clicks": false},
		worker: {"/c/demo": false, "/postback": false, "/graphql": false, "/": false, "/readyz/clicks": false},
	} {
		role := map[*process]string{ingest: "ingest", api: "api", worker: "worker"}[p]
		for path, served := range serves {
			if served {
				p.wantAnswer(path, 200, "")
				continue
			}
			p.wantAnswer(path, 404, "this process has the role "+role)
		}
		p.wantAnswer("/healthz", 200, "ok")
		p.wantAnswer("/readyz", 200, "role "+role)
		p.wantAnswer("/metrics", 200, "go_goroutines")
	}
	ingest.wantAnswer("/clicks", 405, "GET is not answered here: send OPTIONS, POST") // which is no other role's
	_, told := worker.get("/metrics")
	if strings.Contains(told, `kind="clicks"`) || strings.Contains(told, `kind="postbacks"`) {
		worker.t.Error("the worker has a writer of clicks or postbacks")
	}
}

func TestAWrongRoleIsRefused(t *testing.T) {
	t.Parallel()
	const database = "DATABASE_URL=postgres://nobody@127.0.0.1:1/none"
	const secret = "PROOFBACK_JWT_SECRET=" + testSecret
	for _, test := range []struct {
		settings []string
		want     string
	}{
		{[]string{"PROOFBACK_ROLE=boss", database, secret}, `PROOFBACK_ROLE is "boss": expected all, ingest, api or worker`},
		{[]string{"PROOFBACK_ROLE=worker"}, "DATABASE_URL is not set"},
		{[]string{"PROOFBACK_ROLE=api", database, secret}, "PROOFBACK_PUBLIC_URL is not set"},
		{[]string{"PROOFBACK_ROLE=worker", database, secret}, "DATABASE_URL does not work"},
	} {
		code, _, said := runToEnd(t, nil, test.settings...)
		if code != 1 || !strings.Contains(said, test.want) {
			t.Errorf("%v: exit code %d, %s", test.settings, code, said)
		}
	}
}
