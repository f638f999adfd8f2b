package main_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// nobodyChanges are routes that take more than GET, as their code names them, where no
// person changes anything, or where it is told elsewhere.
var nobodyChanges = map[string]string{
	`"POST /clicks"`:    "a visitor's click is a record of itself",
	`"/postback"`:       "the log of postbacks has it",
	`"/postback/{key}"`: "the log of postbacks has it",
	`"/graphql"`:        "TestEveryMutationLeavesAnEntry",
	`"/admin/"`:         "what is below it is named by itself",
	`"/"`:               "refuses",
}

// restChanges are the routes by which people change something, as their code names them,
// with a request that does.
var restChanges = map[string]struct{ method, path, body, contentType, told string }{
	`"POST /reconciliations"`: {"POST", "/reconciliations?", "order_id,amount,currency,date\nA-1,1.00,EUR,2026-01-02\n", "text/csv", `"lines" "1"`},
	`"POST "+signInPath`:      {"POST", "/admin/sign-in", "token=", "application/x-www-form-urlencoded", ""},
	`"POST /admin/sign-out"`:  {"POST", "/admin/sign-out", "", "", ""},
	`jobsPath+"/"`:            {"PUT", "/admin/jobs/api/queues/upkeep/pause", "{}", "application/json", `"sent" "{}"`},
	`jobsPath`:                {"POST", "/admin/jobs/api/jobs/retry", `{"ids":["1"]}`, "application/json", ""},
}

// handled finds where a mux is told of a route.
var handled = regexp.MustCompile(`\bmux\.Handle(?:Func)?\(([^,]+),`)

// routes are all of them, as the code of the program names them.
func routes(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, folder := range []string{".", "ingest", "export", "web", "auth"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range handled.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
		}
	}
	return found
}

// TestEveryRESTChangeLeavesAnEntry looks for the routes in the code: one that may change
// something is called here, or it is said why it need not be told of.
func TestEveryRESTChangeLeavesAnEntry(t *testing.T) {
	t.Parallel()
	found := routes(t)
	for route := range found {
		if strings.HasPrefix(route, `"GET `) || strings.HasPrefix(route, `"OPTIONS `) {
			continue
		}
		if _, told := restChanges[route]; !told && nobodyChanges[route] == "" {
			t.Errorf("%s may change something: add it to restChanges, and have it leave an entry in the audit log", route)
		}
	}
	p, database := startOnNewDatabase(t)
	admin := p.signIn("admin@demo.example")
	var advertiser struct {
		Advertisers struct {
			Edges []struct{ Node struct{ ID string } }
		}
	}
	p.graphql(admin, `{ advertisers(first: 1) { edges { node { id } } } }`, nil, &advertiser)
	query := url.Values{"advertiser": {advertiser.Advertisers.Edges[0].Node.ID}, "from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}}.Encode()
	send := func(method, path, body, contentType, cookie, id string) *http.Response {
		t.Helper()
		if strings.HasSuffix(path, "?") {
			path += query
		}
		if body == "token=" {
			body += admin
		}
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer " + admin}, "Content-Type": {contentType}, "X-Request-Id": {id}}
		if cookie != "" {
			req.AddCookie(&http.Cookie{Name: "proofback_admin", Value: cookie})
		}
		resp, err := noRedirects.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	cookie := send(http.MethodPost, "/admin/sign-in", "token=", "application/x-www-form-urlencoded", "", "before").Cookies()[0].Value
	for route, r := range restChanges {
		if !found[route] {
			t.Errorf("there is no route %s any more", route)
		}
		id := regexp.MustCompile(`[^a-z]+`).ReplaceAllString(route, "-")
		resp := send(r.method, r.path, r.body, r.contentType, cookie, id)
		if resp.StatusCode >= 400 {
			t.Errorf("%s: %d", route, resp.StatusCode)
		}
		var entries struct {
			AuditLog struct {
				Edges []struct {
					Node struct {
						Operation, Role string
						User            struct{ Email string }
						Changes         []struct {
							Fields []struct{ Name, After string }
						}
					}
				}
			}
		}
		p.graphql(admin, `query($id: String!) { auditLog(first: 5, filter: {requestId: $id}) { edges { node { operation role user { email } changes { fields { name after } } } } } }`,
			map[string]any{"id": id}, &entries)
		if n := len(entries.AuditLog.Edges); n != 1 {
			t.Errorf("%s: %d entries", route, n)
			continue
		}
		e := entries.AuditLog.Edges[0].Node
		told := ""
		for _, c := range e.Changes {
			for _, f := range c.Fields {
				told += ` "` + f.Name + `" "` + strings.Trim(f.After, `"`) + `"`
			}
		}
		path, _, _ := strings.Cut(r.path, "?")
		if e.Operation != r.method+" "+path || e.Role != "ADMIN" || e.User.Email != "admin@demo.example" || !strings.Contains(told, r.told) {
			t.Errorf("%s: %+v, told%s", route, e, told)
		}
	}
	// What is refused changes nothing, and is not told.
	entries := `SELECT count(*) FROM audit_log WHERE request_id LIKE 'refused%'`
	for i, r := range []struct{ path, body, contentType, cookie string }{
		{"/reconciliations?", "a,b\n1,2\n", "text/csv", ""},
		{"/admin/sign-in", "token=x", "application/x-www-form-urlencoded", ""},
		{"/admin/sign-out", "", "", "x"},
		{"/admin/jobs/api/jobs/cancel", `{"ids":"x"}`, "application/json", cookie},
	} {
		send(http.MethodPost, r.path, r.body, r.contentType, r.cookie, "refused"+string(rune('a'+i)))
	}
	if n := queryInt(t, database, entries); n != 0 {
		t.Errorf("%d entries of what was refused at %s", n, time.Now())
	}
}
