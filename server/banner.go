package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/proofback/proofback/server/demo"
)

// announce tells the person at the terminal what is where and what to try.
func (p *program) announce(out io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nProofback is up (press Ctrl-C to stop it).\n\n")
	if p.role != roleAll {
		fmt.Fprintf(&b, "  Role       %s: this process %s\n", p.role, p.role.does())
	}
	if p.role.serves() {
		fmt.Fprintf(&b, "  GraphiQL   %s/\n", p.publicURL)
		fmt.Fprintf(&b, "  GraphQL    %s/graphql\n", p.publicURL)
	}
	fmt.Fprintf(&b, "  Health     %s/healthz, /readyz, /metrics\n", p.settings.ownURL(p.listener.Addr()))
	if p.settings.demo && p.role.serves() {
		p.announceDemo(&b)
	}
	_, _ = io.WriteString(out, b.String()+"\n")
}

func (p *program) announceDemo(b *strings.Builder) {
	fmt.Fprintf(b, "  Sink       %s/demo/sink (what affiliates were told)\n\n", p.publicURL)
	fmt.Fprintf(b, "Demo sign-ins, all with the password %s:\n\n", demo.Password)
	for _, s := range demo.SignIns {
		fmt.Fprintf(b, "  %-11s %-24s %s\n", s.Role, s.Email, s.Of)
	}
	if p.role != roleAll {
		return
	}
	fmt.Fprintf(b, "\nTry a click and the sale that comes of it:\n\n  %s\n", tryLine(p.publicURL, p.settings.Currency))
}

// tryLine clicks on the demo link, takes the click id from where it is sent, and
// reports a sale. It calls itself a browser, because curl is a known crawler.
func tryLine(base, currency string) string {
	return fmt.Sprintf(`curl "%[1]s/postback?event_type=sale&txid=$RANDOM&amount=49.90&currency=%[2]s&click_id=$(curl -so /dev/null -A Mozilla/5.0 -w '%%{redirect_url}' %[1]s/c/%[3]s | sed 's/.*click_id=//')"`,
		base, currency, demo.DemoCode)
}
