package db_test

import (
	"strings"
	"testing"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/db"
	"github.com/proofback/proofback/db/dbtest"
)

// A range that is no longer let through leaves destinations that nothing is sent
// to: they can be looked after, and not be made worse.
func TestADestinationThatMayNoLongerBeCalledCanStillBeSwitchedOff(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	before := dbtest.Open(t, func(c *db.Config) { c.URL = url })
	blog := newAffiliate(t, before, "Blog")
	asBlog := asAffiliate(blog.ID)
	made, _, err := before.CreateDestination(t.Context(), asBlog, proofback.Destination{URLTemplate: "https://inside.example/{click_id}"})
	if err != nil {
		t.Fatal(err)
	}

	s := dbtest.Open(t, func(c *db.Config) {
		c.URL = url
		c.CheckURL = func(raw string) error {
			if strings.Contains(raw, "inside") {
				return proofback.Invalid(nil, "it is inside")
			}
			return nil
		}
	})
	_, _, err = s.CreateDestination(t.Context(), asBlog, proofback.Destination{URLTemplate: "https://inside.example/{click_id}"})
	wantCode(t, err, proofback.CodeInvalid, "urlTemplate")
	if d, err := s.UpdateDestination(t.Context(), asBlog, made.ID, func(d *proofback.Destination) { d.Enabled = false }); err != nil || d.Enabled {
		t.Errorf("switching it off: %+v, %v", d, err)
	}
	_, err = s.UpdateDestination(t.Context(), asBlog, made.ID, func(d *proofback.Destination) { d.URLTemplate = "https://inside.example/other" })
	wantCode(t, err, proofback.CodeInvalid, "urlTemplate")
	if _, err := s.UpdateDestination(t.Context(), asBlog, made.ID, func(d *proofback.Destination) { d.URLTemplate = "https://blog.example/{click_id}" }); err != nil {
		t.Errorf("mending it: %v", err)
	}
}
