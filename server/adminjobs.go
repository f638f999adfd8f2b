package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"riverqueue.com/riverui"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/server/auth"
)

// River's own user interface, which has no authentication: ours stands in front.
// Whoever shows an ADMIN's access token gets a cookie that is good for these pages
// and nothing else, on this site alone. It is a token of another audience, so that
// the API does not take it and these pages take none of the API's.
const (
	jobsPath    = "/admin/jobs"
	signInPath  = "/admin/sign-in"
	adminCookie = "proofback_admin"
	adminTTL    = time.Hour
	maxSignIn   = 16 << 10  // of a form
	maxJobs     = 256 << 10 // of what River's pages send
)

// adminPages lets an ADMIN into River's pages.
type adminPages struct {
	gate   *auth.Gate // the API's
	known  *auth.Gate // ours, of cookies
	secure bool
	pages  http.Handler
	store  *db.Store
	log    *slog.Logger
}

// adminJobs serves River's pages until ctx ends.
func (p *program) adminJobs(ctx context.Context) (http.Handler, error) {
	s := p.settings
	cookies, err := auth.NewTokens(auth.TokenConfig{Key: []byte(s.JWTSecret), Issuer: s.JWTIssuer, Audience: s.JWTAudience + jobsPath})
	if err != nil {
		return nil, err
	}
	pages, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(p.jobs.River(), nil),
		Logger:    slog.New(atLeast{p.log.Handler(), slog.LevelWarn}),
		Prefix:    jobsPath,
	})
	if err != nil {
		return nil, fmt.Errorf("pages about jobs: %w", err)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	if err := pages.Start(running); err != nil {
		stop()
		return nil, fmt.Errorf("pages about jobs: %w", err)
	}
	p.life.onStop("pages about jobs", func(context.Context) error {
		stop()
		return nil
	})
	a := &adminPages{gate: p.gate, known: &auth.Gate{Tokens: cookies, Store: p.store}, secure: strings.HasPrefix(p.publicURL, "https://"), pages: pages, store: p.store, log: p.log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+signInPath, a.form)
	mux.HandleFunc("POST "+signInPath, a.signIn)
	mux.HandleFunc("POST /admin/sign-out", a.signOut)
	mux.Handle(jobsPath+"/", http.HandlerFunc(a.guarded))
	mux.Handle(jobsPath, http.HandlerFunc(a.guarded))
	// What changes something must come from a page of this site.
	return http.NewCrossOriginProtection().Handler(mux), nil
}

// guarded serves River's pages to whoever has the cookie and is an ADMIN still.
func (a *adminPages) guarded(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if cookie, err := r.Cookie(adminCookie); err == nil {
		actor, err := admin(r.Context(), a.known, cookie.Value)
		switch proofback.CodeOf(err) {
		case "":
			a.serve(w, r, actor)
			return
		case proofback.CodeUnauthenticated, proofback.CodeForbidden:
		default:
			http.Error(w, "who you are cannot be told at the moment: try again", http.StatusServiceUnavailable)
			return
		}
	}
	if r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, jobsPath+"/api/") {
		http.Redirect(w, r, signInPath, http.StatusSeeOther)
		return
	}
	http.Error(w, "sign in first, at "+signInPath, http.StatusUnauthorized)
}

// serve has River answer, and tells the audit log what was changed: which request it was,
// with what it sent.
func (a *adminPages) serve(w http.ResponseWriter, r *http.Request, actor proofback.Actor) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		a.pages.ServeHTTP(w, r)
		return
	}
	sent, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxJobs))
	if err != nil {
		http.Error(w, "the request is too long, or broke off", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	answer := &answerWriter{ResponseWriter: w, request: r}
	a.pages.ServeHTTP(answer, r)
	if answer.status < http.StatusBadRequest {
		a.note(r, actor, string(sent))
	}
}

// note tells the audit log what an ADMIN did here. It is done by then.
func (a *adminPages) note(r *http.Request, actor proofback.Actor, sent string) {
	actor.Operation, actor.RequestID = r.Method+" "+r.URL.Path, r.Header.Get(requestIDHeader)
	if err := a.store.NoteDone(context.WithoutCancel(r.Context()), actor, "Job", map[string]string{"sent": sent}); err != nil {
		a.log.ErrorContext(r.Context(), "what was done to jobs is not in the audit log", "request_id", actor.RequestID, "operation", actor.Operation, "user_id", actor.UserID, "error", err)
	}
}

// admin gives the ADMIN that a credential stands for now, by one of two gates: at each
// request, for the cookie outlives a change of the role.
func admin(ctx context.Context, gate *auth.Gate, credential string) (proofback.Actor, error) {
	actor, err := gate.Actor(ctx, credential)
	if err == nil {
		err = actor.RequirePerson()
	}
	if err == nil && actor.Role != proofback.RoleAdmin {
		err = proofback.Errorf(proofback.CodeForbidden, "only an ADMIN may see the jobs")
	}
	return actor, err
}

func (a *adminPages) form(w http.ResponseWriter, _ *http.Request) { a.writeForm(w, http.StatusOK, "") }

const signInForm = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Jobs – Proofback</title>
<body style="font-family: sans-serif; max-width: 36em; margin: 4em auto">
<h1>Jobs</h1>
<p>For an ADMIN: paste an access token (<code>proofback token --role ADMIN</code> prints one). It is good for an hour here.</p>
<p>%s</p>
<form method="post" action="` + signInPath + `">
<input type="password" name="token" aria-label="Access token" autocomplete="off" required style="width: 100%%">
<p><button>Sign in</button></p>
</form>
`

func (a *adminPages) writeForm(w http.ResponseWriter, status int, problem string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, signInForm, problem) // only sentences of ours
}

func (a *adminPages) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxSignIn)
	actor, err := admin(r.Context(), a.gate, strings.TrimSpace(r.PostFormValue("token")))
	switch proofback.CodeOf(err) {
	case "":
	case proofback.CodeUnauthenticated:
		a.writeForm(w, http.StatusUnauthorized, "This is no access token that is good now.")
		return
	case proofback.CodeForbidden:
		a.writeForm(w, http.StatusForbidden, "Only an ADMIN may see the jobs.")
		return
	default:
		a.writeForm(w, http.StatusServiceUnavailable, "Who you are cannot be told at the moment: try again.")
		return
	}
	value, _, err := a.known.Tokens.Sign(actor, adminTTL)
	if err != nil {
		a.writeForm(w, http.StatusInternalServerError, "Something went wrong on our side.")
		return
	}
	a.note(r, actor, "")
	http.SetCookie(w, a.cookie(value, int(adminTTL.Seconds())))
	http.Redirect(w, r, jobsPath+"/", http.StatusSeeOther)
}

func (a *adminPages) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(adminCookie); err == nil {
		if actor, err := admin(r.Context(), a.known, cookie.Value); err == nil {
			a.note(r, actor, "")
		}
	}
	http.SetCookie(w, a.cookie("", -1))
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}

func (a *adminPages) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: adminCookie, Value: value, Path: "/admin", MaxAge: maxAge,
		HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteStrictMode,
	}
}
