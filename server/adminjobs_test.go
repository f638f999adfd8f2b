package main_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestOnlyAnAdminSeesTheJobs(t *testing.T) {
	t.Parallel()
	p, databaseURL := startOnNewDatabase(t)
	admin, manager := p.signIn("admin@demo.example"), p.signIn("manager@demo.example")
	do := func(method, path, cookie string, form url.Values, header http.Header) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if header != nil {
			req.Header = header
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
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
	const api = "/admin/jobs/api/states"
	for _, cookie := range []string{"", "nonsense", admin, manager} {
		if resp := do(http.MethodGet, "/admin/jobs/", cookie, nil, nil); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/admin/sign-in" {
			t.Errorf("%.10q gets %d", cookie, resp.StatusCode)
		}
		if resp := do(http.MethodGet, api, cookie, nil, nil); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%.10q gets %d of the API", cookie, resp.StatusCode)
		}
	}
	for token, want := range map[string]int{"": 401, "nonsense": 401, manager: 403} {
		if resp := do(http.MethodPost, "/admin/sign-in", "", url.Values{"token": {token}}, nil); resp.StatusCode != want || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%.10q gets %d, want %d", token, resp.StatusCode, want)
		}
	}
	resp := do(http.MethodPost, "/admin/sign-in", "", url.Values{"token": {admin}}, http.Header{"Origin": {"https://evil.example"}})
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site signs in: %d", resp.StatusCode)
	}
	resp = do(http.MethodPost, "/admin/sign-in", "", url.Values{"token": {admin}}, nil)
	set := resp.Header.Get("Set-Cookie")
	if resp.StatusCode != http.StatusSeeOther || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Strict") || !strings.Contains(set, "Path=/admin") {
		t.Fatalf("%d, %s", resp.StatusCode, set)
	}
	cookie := resp.Cookies()[0].Value
	resp = do(http.MethodGet, "/admin/jobs/", cookie, nil, nil)
	if page, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "<html") {
		t.Errorf("the page: %d, %v", resp.StatusCode, err)
	}
	if resp := do(http.MethodGet, api, cookie, nil, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the API: %d", resp.StatusCode)
	}
	resp = do(http.MethodPost, "/admin/jobs/api/jobs/cancel", cookie, nil, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}})
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site cancels jobs: %d", resp.StatusCode)
	}
	_, body := fetch(t, http.MethodPost, p.url+"/graphql", strings.NewReader(`{"query":"{ viewer { email } }"}`),
		http.Header{"Authorization": {"Bearer " + cookie}, "Content-Type": {"application/json"}})
	if !strings.Contains(body, "UNAUTHENTICATED") {
		t.Errorf("the cookie is good for the API: %s", body)
	}

	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `UPDATE users SET role = 'MANAGER' WHERE email = 'admin@demo.example'`); err != nil {
		t.Fatal(err)
	}
	if resp := do(http.MethodGet, api, cookie, nil, nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("one who is an ADMIN no more still gets %d", resp.StatusCode)
	}
	if resp := do(http.MethodPost, "/admin/sign-in", "", url.Values{"token": {admin}}, nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("one who is an ADMIN no more signs in: %d", resp.StatusCode)
	}
}
