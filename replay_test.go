package proofback_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/proofback/proofback"
)

func TestALoggedRequestIsReadAgainAsItWasSent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) proofback.Parameter {
			return proofback.Parameter{
				Name:  rapid.StringMatching(`[a-zA-Z_]{1,8}`).Draw(t, "name"),
				Value: rapid.StringMatching(`[ -~é€]{0,12}`).Draw(t, "value"),
			}
		}), 0, 8).Draw(t, "sent")
		p := &proofback.Postback{Reason: proofback.ReasonMissingEvent}
		var want []proofback.Parameter
		for _, s := range sent {
			if name := strings.ToLower(s.Name); strings.Contains(s.Value, "***") || name == "token" || name == "sig" || name == "sig_time" {
				continue
			}
			p.Parameters = append(p.Parameters, s)
			s.Value = strings.TrimSpace(s.Value) // as every reading does
			want = append(want, s)
		}
		raw, err := p.Again(nil)
		if err != nil {
			t.Fatal(err)
		}
		read, _ := proofback.ReadPostback(raw)
		for i := range read.All {
			read.All[i].Canonical = ""
		}
		if diff := cmp.Diff(want, read.All); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWhatTheLogDoesNotHoldIsNotMadeUp(t *testing.T) {
	t.Parallel()
	shop := &proofback.Advertiser{ParameterMapping: []proofback.NameMapping{{From: "mail", To: "sub1"}}}
	with := func(name, value string) []proofback.Parameter {
		return []proofback.Parameter{{Name: "click_id", Value: "Z"}, {Name: name, Value: value}}
	}
	for _, tt := range []struct {
		name   string
		reason proofback.Reason
		params []proofback.Parameter
		of     *proofback.Advertiser
		want   proofback.Code
	}{
		{"whole", proofback.ReasonUnknownEvent, with("txid", "1"), shop, ""},
		{"accepted", proofback.ReasonAccepted, with("txid", "1"), nil, ""},
		{"a masked value that counts", proofback.ReasonUnknownEvent, with("sub2", "***"), shop, proofback.CodeConflict},
		{"a value with a masked part", proofback.ReasonUnknownEvent, with("reason", "ask ***"), shop, proofback.CodeConflict},
		{"a masked value that counts by mapping", proofback.ReasonUnknownEvent, with("mail", "***"), shop, proofback.CodeConflict},
		{"a masked value that does not count", proofback.ReasonUnknownEvent, with("mail", "***"), nil, ""},
		{"a token", proofback.ReasonUnknownEvent, with("Token", "***"), shop, ""},
		{"a signature", proofback.ReasonUnknownEvent, with("sig", "***"), shop, ""},
		{"a wrong token", proofback.ReasonTokenInvalid, with("token", "***"), shop, proofback.CodeConflict},
		{"another address", proofback.ReasonIPNotAllowed, nil, shop, proofback.CodeConflict},
		{"a body that was not read", proofback.ReasonBodyTooLarge, nil, shop, proofback.CodeConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := &proofback.Postback{Reason: tt.reason, Parameters: tt.params}
			raw, err := p.Again(tt.of)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "" && strings.Contains(strings.ToLower(raw.RawQuery), "token"):
				t.Errorf("the proof is sent again: %s", raw.RawQuery)
			case tt.want != "" && (err == nil || err.Code != tt.want):
				t.Errorf("got %v", err)
			}
		})
	}
}
