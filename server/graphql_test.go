package main_test

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// signIn signs a demo user in and gives the access token.
func (p *process) signIn(email string) string {
	p.t.Helper()
	var got struct {
		SignIn struct{ Session struct{ AccessToken string } }
	}
	p.graphql("", `mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }`,
		map[string]any{"input": map[string]any{"email": email, "password": "proofback-demo"}}, &got)
	if got.SignIn.Session.AccessToken == "" {
		p.t.Fatalf("%s cannot sign in", email)
	}
	return got.SignIn.Session.AccessToken
}

// graphql sends an operation and reads its data.
func (p *process) graphql(token, query string, variables map[string]any, into any) {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		p.t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	status, text := fetch(p.t, http.MethodPost, p.url+"/graphql", bytes.NewReader(body), header)
	var got struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		p.t.Fatalf("status %d: %s", status, text)
	}
	for _, e := range got.Errors {
		p.t.Fatal(e.Message)
	}
	if err := json.Unmarshal(got.Data, into); err != nil {
		p.t.Fatalf("%v: %s", err, got.Data)
	}
}
