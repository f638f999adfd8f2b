package ingest

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// find gives the tables that hold a text in any column.
func (w *world) find(needle string) (tables []string) {
	w.Helper()
	rows, err := w.store.Pool().Query(w.Context(), `
		SELECT quote_ident(tablename)
		FROM pg_tables
		WHERE schemaname = 'public'`)
	w.must(err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	q := &pgx.Batch{}
	for _, table := range all {
		q.Queue(`SELECT EXISTS (SELECT FROM `+table+` AS t WHERE position(lower($1) IN lower(t::text)) > 0)`, needle).QueryRow(func(row pgx.Row) error {
			var found bool
			err := row.Scan(&found)
			if found {
				tables = append(tables, table)
			}
			return err
		})
	}
	w.must(w.store.Pool().SendBatch(w.Context(), q).Close())
	return tables
}

// personal is what must not be found anywhere once it was sent, by what it is
// sent as.
var personal = map[string]string{
	"ann.fox@mail.example":         "ann.fox",
	"Call ann.fox@mail.example !":  "ann.fox",
	"+49 151 2345 6789":            "151 2345",
	"+4915123456789":               "5123456",
	"4111 1111 1111 1111":          "1111 1111",
	"5555-5555-5555-4444":          "5555-5555",
	"card 378282246310005 of mine": "378282246310005",
}

// carriers are the names that take what a person may have typed, and some that
// should hold an event's numbers and may not.
var carriers = strings.Fields("sub1 sub10 reason event_type status currency timestamp payout comment utm_term order[note]")

func TestPersonalDataIsNeverKept(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	for value := range personal {
		escaped := url.QueryEscape(value)
		for _, name := range carriers {
			query := "click_id={click}&event_type=sale&" + url.QueryEscape(name) + "="
			p.get(query + escaped)
			p.get(query + url.QueryEscape(escaped))
			p.get(query + url.QueryEscape("https://shop.example/thanks?note="+escaped))
			p.send(request(http.MethodPost, "/postback", p.fill(query+escaped), "Content-Type: "+form))
			p.send(request(http.MethodPost, "/postback", asJSON(p, p.fill(query+escaped)), "Content-Type: "+flat))
		}
		p.get(sale + "&" + escaped + "=1")
		p.get(sale + "&" + escaped)
		p.send(request(http.MethodPost, "/postback", asJSON(p, p.fill(sale+"&"+escaped+"={macro}")), "Content-Type: "+flat))
		p.send(request(http.MethodGet, p.fill("/postback/"+url.PathEscape(value)+"?"+sale), "", "Referer: https://shop.example/?mail="+escaped, "User-Agent: "+value))
	}
	for value, needle := range personal {
		for _, form := range []string{needle, strings.ReplaceAll(needle, " ", "+"), strings.ReplaceAll(needle, " ", "%20"), strings.ReplaceAll(needle, " ", "%2520")} {
			if tables := p.find(form); len(tables) > 0 {
				t.Errorf("%q, sent as %q, is in %v", form, value, tables)
			}
		}
	}
	b.allLogged()
}

func TestWhatIsNamedAsPersonalIsNeverKept(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	for _, name := range strings.Fields("name first_name customer[lastName] email phone tel card password api_key birthday") {
		p.get(sale + "&" + name + "=Needle42")
		p.send(request(http.MethodPost, "/postback", p.fill(`{"click_id":"{click}","`+name+`":"Needle42"}`), "Content-Type: "+flat))
	}
	if tables := p.find("needle42"); len(tables) > 0 {
		t.Errorf("found in %v", tables)
	}
	b.allLogged()
}

// An e-mail address as transaction id still tells events apart, without being kept.
func TestAPersonalTransactionIDStillTellsEventsApart(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, nil)
	for i, want := range []proofback.Reason{"ACCEPTED", "ACCEPTED", "DUPLICATE", "DUPLICATE"} {
		who := []string{"ann.fox", "bob.ray"}[i%2]
		if got := p.get("click_id={click}&event_type=sale&txid=" + who + "%40mail.example"); got.Reason != want {
			t.Errorf("%s: %s", who, got.body)
		}
	}
	for _, needle := range []string{"ann.fox", "bob.ray"} {
		if tables := p.find(needle); len(tables) > 0 {
			t.Errorf("%s is in %v", needle, tables)
		}
	}
}

func TestSecretsAndProofsAreNeverKept(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, secured(proofback.SecurityToken))
	signer := b.party(t, secured(proofback.SecuritySignature))
	const guess = "Gu3ss-0f-a-t0ken"
	p.get(sale + "&token={secret}")
	p.to(sale + "&token={secret}")
	p.get("event_type=sale&TOKEN={secret}") // nobody's, as far as can be told
	p.get(sale + "&token=" + guess)
	p.get(sale + "&security_token=" + guess)
	p.send(request(http.MethodGet, p.fill("/postback?"+sale), "", "X-Postback-Token: "+p.secret))
	p.send(request(http.MethodPost, "/postback", p.fill(sale+"&token={secret}"), "Content-Type: "+form))
	p.send(request(http.MethodPost, "/postback", asJSON(p, p.fill(sale+"&token={secret}&amount=x")), "Content-Type: "+flat))
	query := signer.signed(sale, time.Now())
	signer.send(query)
	body := signer.webhook("m1", sale, time.Now())
	signer.send(body)
	_, hexMAC, _ := strings.Cut(query.URL.RawQuery, "&sig=")
	if _, err := hex.DecodeString(hexMAC); err != nil {
		t.Fatal(err)
	}
	_, webhookMAC, _ := strings.Cut(body.Header.Get("Webhook-Signature"), ",")
	for what, needle := range map[string]string{
		"the token": p.secret, "an escaped token": url.QueryEscape(p.secret), "a guess": guess, "the key": signer.secret,
		"a query's signature": hexMAC, "a body's signature": webhookMAC,
	} {
		if tables := p.find(needle); len(tables) > 0 {
			t.Errorf("%s is in %v", what, tables)
		}
	}
	b.allLogged()
}

// The plain endpoint only knows an advertiser's names once the click tells whose the
// request is.
func TestAProofUnderTheAdvertisersOwnNameIsNeverKept(t *testing.T) {
	t.Parallel()
	b := newInbox(t)
	p := b.party(t, func(a *proofback.Advertiser, terms *proofback.Terms) {
		secured(proofback.SecurityToken)(a, terms)
		a.ParameterMapping = []proofback.NameMapping{{From: "gate", To: "token"}}
	})
	const guess = "Gu3ss-0f-a-t0ken" // or the secret of before a rotation
	p.to(sale + "&gate=" + guess)
	if got := p.get(sale + "&gate=" + guess); got.Reason != "TOKEN_INVALID" {
		t.Errorf("answered %s", got.body)
	}
	if tables := p.find(guess); len(tables) > 0 {
		t.Errorf("it is in %v", tables)
	}
	b.allLogged()
}
