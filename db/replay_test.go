package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

func (d *desk) replay(t testing.TB, ids ...uuid.UUID) ([]*proofback.Postback, proofback.Problems) {
	t.Helper()
	staff := proofback.Actor{Role: proofback.RoleManager}
	done, err := d.store.ReplayPostbacks(t.Context(), staff, d.setup, d.keys, db.Replay{IDs: ids})
	if err != nil {
		t.Fatal(err)
	}
	return done.Postbacks, done.Problems
}

func TestAReplayIsDecidedByTodaysRules(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	refused := d.decide(t, "click_id="+click+"&order=7&event_type=sale&amount=20&currency=EUR&status=lead")[0]
	if refused.Reason != proofback.ReasonInvalidStatus {
		t.Fatalf("%s: %s", refused.Reason, refused.Message)
	}
	d.exec(t, `UPDATE advertisers SET status_mapping = '[{"from": "lead", "to": "APPROVED"}]', parameter_mapping = '[{"from": "order", "to": "txid"}]'`)
	if err := d.setup.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	log, problems := d.replay(t, refused.ID, refused.ID)
	if len(log) != 1 || len(problems) != 0 {
		t.Fatal(log, problems)
	}
	p := log[0]
	if p.Reason != proofback.ReasonAccepted || p.TxID != "7" || p.ReplayOf != refused.ID || p.URL != refused.URL {
		t.Errorf("%s %s: %+v", p.Reason, p.Message, p)
	}
	if n := d.count(t, `SELECT count(*) FROM conversions WHERE status = 'APPROVED' AND event_at = $1`, refused.ReceivedAt); n != 1 {
		t.Errorf("%d conversions that happened when the request first came", n)
	}
	again, _ := d.replay(t, refused.ID)
	if again[0].Reason != proofback.ReasonDuplicate || again[0].ConversionID != p.ConversionID {
		t.Errorf("again: %s", again[0].Reason)
	}
}

func TestAReplayNeverCreditsTwice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	withID, without := d.decide(t, sale(click, "1", "100"))[0], d.decide(t, sale(click, "", "100"))[0]
	if without.Reason != proofback.ReasonAccepted {
		t.Fatal(without.Reason)
	}
	for range 3 {
		log, _ := d.replay(t, withID.ID, without.ID)
		for i, of := range []proofback.Postback{withID, without} {
			if log[i].Reason != proofback.ReasonDuplicate || log[i].ConversionID != of.ConversionID {
				t.Errorf("%s: %s", log[i].Reason, log[i].Message)
			}
		}
	}
	if n := d.count(t, `SELECT count(*) FROM conversions`); n != 2 {
		t.Errorf("%d conversions of 2 events", n)
	}
}

func TestWhatCannotBeReplayedIsNamed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	click := d.click(t)
	fine, masked := d.decide(t, sale(click, "1", "100"))[0], d.decide(t, sale(click, "2", "100")+"&sub4=ann@example.com")[0]
	replay, _ := d.replay(t, fine.ID)
	log, problems := d.replay(t, newID(t), masked.ID, fine.ID, replay[0].ID)
	if len(log) != 1 || log[0].ReplayOf != fine.ID || len(problems) != 3 {
		t.Fatal(log, problems)
	}
	for i, want := range []struct{ code, position, says string }{
		{"NOT_FOUND", "0", "no such"}, {"CONFLICT", "1", `"sub4" was masked`}, {"CONFLICT", "3", "a replay itself"},
	} {
		got := problems[i]
		if string(got.Code) != want.code || got.Field[1] != want.position || !strings.Contains(got.Message, want.says) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	for name, tt := range map[string]struct {
		actor proofback.Actor
		ids   int
		want  proofback.Code
	}{
		"an affiliate": {proofback.Actor{Role: proofback.RoleAffiliate, AffiliateID: d.affiliate}, 1, proofback.CodeForbidden},
		"nobody":       {proofback.Actor{}, 1, proofback.CodeUnauthenticated},
		"none":         {proofback.System(), 0, proofback.CodeInvalid},
		"too many":     {proofback.System(), 101, proofback.CodeInvalid},
	} {
		_, err := d.store.ReplayPostbacks(t.Context(), tt.actor, d.setup, d.keys, db.Replay{IDs: make([]uuid.UUID, tt.ids)})
		if proofback.CodeOf(err) != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAReplayOfAnAdvertisersOwnEndpointStaysItsOwn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	acme, err := d.setup.AdvertiserByKey(t.Context(), "acme-key")
	if err != nil {
		t.Fatal(err)
	}
	in := d.incoming("cid=nonsense&event_type=sale")
	in.Endpoint, in.URL, in.ReceivedAt = acme, "/postback/acme-key?cid=nonsense", in.ReceivedAt.Add(-time.Hour)
	log, err := d.store.Decide(t.Context(), d.setup, []*db.Incoming{in})
	if err != nil {
		t.Fatal(err)
	}
	replay, _ := d.replay(t, log[0].ID)
	if p := replay[0]; p.AdvertiserID != acme.ID || p.Reason != proofback.ReasonForgedClickID {
		t.Errorf("%s of advertiser %s", p.Reason, p.AdvertiserID)
	}
}
