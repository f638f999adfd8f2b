package db_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
)

// loop is a click of affiliate i that converted and was told: the story in its
// parts.
type loop struct {
	click      *proofback.Click
	conversion *proofback.Conversion
	first      *proofback.Postback // made it
	repeat     *proofback.Postback
}

func (m *market) loop(i int, txid string, at time.Time) *loop {
	m.t.Helper()
	l := &loop{click: m.click(i, at)}
	l.conversion = m.conversion(l.click, txid, at.Add(time.Minute))
	l.first = m.postback(l.click, txid, at.Add(time.Minute), made(l.conversion))
	l.repeat = m.postback(l.click, txid, at.Add(2*time.Minute), func(p *proofback.Postback) {
		p.Result, p.Reason, p.ConversionID = proofback.ResultDuplicate, proofback.ReasonDuplicate, l.conversion.ID
	})
	m.delivery(l.conversion, m.destination(i), at.Add(time.Minute), 2)
	err := m.store.RecordPixelSignals(context.Background(), []proofback.PixelSignal{
		{ID: keyAt(at), At: at.Add(time.Second), ClickID: l.click.ID, EventType: "sale", TxID: txid, Parameters: []proofback.Parameter{{Name: "x", Value: "y"}}},
		{ID: keyAt(at), At: at.Add(time.Second)}, // of no click
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return l
}

// made has a logged request be the one that made a conversion.
func made(c *proofback.Conversion) func(*proofback.Postback) {
	return func(p *proofback.Postback) { p.ID, p.ConversionID = c.PostbackID, c.ID }
}

// told counts what a story holds.
func told(s *proofback.Story) string {
	if s == nil {
		return "nothing"
	}
	return fmt.Sprintf("%d clicks, %d signals, %d postbacks, %d conversions, %d transitions, %d deliveries, %d attempts",
		len(s.Clicks), len(s.PixelSignals), len(s.Postbacks), len(s.Conversions), len(s.Transitions), len(s.Deliveries), len(s.Attempts))
}

func TestEveryKeyLeadsToTheWholeStory(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	l := m.loop(0, "T-1", day)
	m.loop(0, "T-2", day.Add(time.Hour)) // another story
	conflict := m.postback(m.click(0, day.Add(time.Hour)), "T-1", day.Add(2*time.Hour), func(p *proofback.Postback) {
		p.Result, p.Reason = proofback.ResultRejected, proofback.ReasonTransactionConflict
	})
	replay := m.postback(l.click, "", day.Add(3*time.Hour), func(p *proofback.Postback) {
		p.Result, p.Reason, p.ReplayOf = proofback.ResultDuplicate, proofback.ReasonDuplicate, l.first.ID
	})
	for _, tt := range []struct {
		name      string
		by        proofback.TraceBy
		postbacks []uuid.UUID
		clicks    int
	}{
		{"click", proofback.TraceBy{ClickID: l.click.ID}, []uuid.UUID{l.first.ID, l.repeat.ID, replay.ID}, 1},
		{"transaction id", proofback.TraceBy{TransactionID: "T-1"}, []uuid.UUID{l.first.ID, l.repeat.ID, conflict.ID}, 2},
		{"conversion", proofback.TraceBy{ConversionID: l.conversion.ID}, []uuid.UUID{l.first.ID, l.repeat.ID, conflict.ID}, 2},
		{"request", proofback.TraceBy{RequestID: l.first.ID}, []uuid.UUID{l.first.ID, l.repeat.ID, conflict.ID, replay.ID}, 2},
		{"a repetition", proofback.TraceBy{RequestID: l.repeat.ID}, []uuid.UUID{l.first.ID, l.repeat.ID, conflict.ID}, 2},
		{"the replay", proofback.TraceBy{RequestID: replay.ID}, []uuid.UUID{l.first.ID, replay.ID}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := m.store.Trace(t.Context(), m.staff, tt.by)
			if err != nil || s == nil {
				t.Fatal(s, err)
			}
			var postbacks []uuid.UUID
			for _, p := range s.Postbacks {
				postbacks = append(postbacks, p.ID)
			}
			if diff := cmp.Diff(tt.postbacks, postbacks); diff != "" {
				t.Errorf("postbacks: %s", diff)
			}
			if len(s.Clicks) != tt.clicks || s.Clicks[0].ID != l.click.ID {
				t.Errorf("clicks: %v", s.Clicks)
			}
			if tt.name == "the replay" {
				return // it met no conversion
			}
			want := fmt.Sprintf("%d clicks, 1 signals, %d postbacks, 1 conversions, 1 transitions, 1 deliveries, 2 attempts", tt.clicks, len(postbacks))
			if got := told(s); got != want || s.Conversions[0].ID != l.conversion.ID {
				t.Errorf("got %s, want %s", got, want)
			}
			if line := s.Timeline(); len(line) != tt.clicks+6+len(postbacks) || line[0].Kind != proofback.MomentClick {
				t.Errorf("timeline: %v", line)
			}
		})
	}
}

func TestATransactionIDMayNameSeveralEvents(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	m.loop(0, "same", day)
	m.loop(1, "same", day.Add(time.Hour))
	both := "2 clicks, 2 signals, 4 postbacks, 2 conversions, 2 transitions, 2 deliveries, 4 attempts"
	one := "1 clicks, 1 signals, 2 postbacks, 1 conversions, 1 transitions, 1 deliveries, 2 attempts"
	untold := "1 clicks, 1 signals, 2 postbacks, 1 conversions, 1 transitions, 0 deliveries, 0 attempts"
	for actor, want := range map[proofback.Actor]string{
		m.staff: both, m.affiliate: one, m.affiliate2: one, m.advertiser: untold, m.advertiser2: untold,
	} {
		s, err := m.store.Trace(t.Context(), actor, proofback.TraceBy{TransactionID: "same"})
		if got := told(s); err != nil || got != want {
			t.Errorf("%s: got %s, want %s (%v)", actor.Role, got, want, err)
		}
	}
}

func TestNobodyTracesWhatIsNotTheirs(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	l := m.loop(0, "T", day)
	for name, by := range map[string]proofback.TraceBy{
		"click":          {ClickID: l.click.ID},
		"transaction id": {TransactionID: "T"},
		"conversion":     {ConversionID: l.conversion.ID},
		"request":        {RequestID: l.first.ID},
		"unknown":        {ConversionID: keyAt(day)},
	} {
		for _, actor := range []proofback.Actor{m.affiliate2, m.advertiser2} {
			s, err := m.store.Trace(t.Context(), actor, by)
			if err != nil || s != nil {
				t.Errorf("%s by %s: %s, %v", name, actor.Role, told(s), err)
			}
		}
	}
	if _, err := m.store.Trace(t.Context(), m.staff, proofback.TraceBy{}); proofback.CodeOf(err) != proofback.CodeInvalid {
		t.Errorf("nothing named: %v", err)
	}
}

func TestAStoryIsToldAfterItsClickIsGone(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	l := m.loop(0, "T", day)
	m.exec(`DELETE FROM clicks`)
	s, err := m.store.Trace(t.Context(), m.affiliate, proofback.TraceBy{ClickID: l.click.ID})
	if err != nil || told(s) != "0 clicks, 0 signals, 2 postbacks, 1 conversions, 1 transitions, 1 deliveries, 2 attempts" {
		t.Errorf("got %s, %v", told(s), err)
	}
}

func TestAStoryCostsTheSameHoweverLongItIs(t *testing.T) {
	t.Parallel()
	sent := &statements{}
	m := newMarket(t, func(c *db.Config) { c.Tracer = sent })
	count := func(click *proofback.Click) int {
		return len(sent.during(t, func() error {
			s, err := m.store.Trace(t.Context(), m.staff, proofback.TraceBy{ClickID: click.ID})
			if err == nil && len(s.Attempts) == 0 {
				t.Error("the story is not whole")
			}
			return err
		}))
	}
	short, long := m.loop(0, "one", day), m.loop(0, "many", day)
	to := m.destination(0)
	for i := range 50 {
		c := m.conversion(long.click, fmt.Sprint("t", i), day)
		m.postback(long.click, c.TxID, day, made(c))
		m.delivery(c, to, day, 1)
	}
	if a, b := count(short.click), count(long.click); a != b || a > 10 {
		t.Errorf("%d statements for one conversion, %d for 51", a, b)
	}
}
