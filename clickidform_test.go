package proofback

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHowAClickIDStandsInAURL(t *testing.T) {
	t.Parallel()
	id := testClickKeys(t).Encode(id(idClick))
	lower := strings.ToLower(id)
	inner := url.QueryEscape("https://shop.example/?cid=" + id + "&x=1")
	for raw, want := range map[string]ClickIDForm{
		"https://a.example/?cid=" + id:                                                FormWhole,
		"https://a.example/?x=1&cid=" + id + "#top":                                   FormWhole,
		"https://a.example/?" + id:                                                    FormWhole,
		"https://a.example/go/" + id:                                                  FormWhole,
		"https://a.example/go/" + id + ".html?x=1":                                    FormWhole,
		"https://a.example/#cid=" + id:                                                FormWhole,
		"https://a.example/#/shop?cid=" + id:                                          FormWhole,
		"https://a.example/?s=pb_" + id + "_x":                                        FormWhole,
		"https://a.example/?x=1;cid=" + id:                                            FormWhole,
		"https://a.example/?cid=" + id[1:]:                                            FormCut, // its first character was lost
		"https://a.example/?cid=" + lower:                                             FormCaseChanged,
		"https://a.example/?to=" + inner:                                              FormNested,
		"https://a.example/?to=" + strings.ToLower(inner):                             FormCaseChanged,
		"https://a.example/r/" + inner:                                                FormNested,
		"https://a.example/?to=https://shop.example/?cid=" + id:                       FormNested,
		"https://a.example/?to=%2Fshop%3Fcid%3D" + id:                                 FormNested,
		"https://a.example/?to=" + url.QueryEscape("https://b.example/?u="+inner):     FormNested,
		"https://a.example/?to=" + url.QueryEscape(inner):                             FormEncodedTwice,
		"https://a.example/?cid%3D" + id:                                              FormEncodedTwice,
		"https://a.example/?x=1%26cid%3D" + id:                                        FormEncodedTwice,
		"https://a.example/?to=" + url.QueryEscape("https://shop.example/?cid%3D"+id): FormEncodedTwice,
		"https://a.example/?cid=" + id[:30]:                                           FormCut,
		"https://a.example/?cid=" + id[:12]:                                           FormCut,
		"https://a.example/?to=" + url.QueryEscape("https://b.example/?c="+id[:20]):   FormCut,
		"https://a.example/?cid=":                                                     FormMissing,
		"https://a.example/?cid=" + id[:5]:                                            FormMissing,
		"https://a.example/":                                                          FormMissing,
		"https://a.example":                                                           FormMissing,
		"":                                                                            FormMissing,
		"https://a.example/?cid=" + id[:20] + "&full=" + id:                           FormWhole,
	} {
		if got := FindClickID(raw, id); got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
}

// However a landing URL is made of a template, the id is found in it as it stands.
func TestAnIDIsFoundWhereverATemplatePutsIt(t *testing.T) {
	t.Parallel()
	keys := testClickKeys(t)
	rapid.Check(t, func(t *rapid.T) {
		id := keys.Encode(anyClick.Draw(t, "click"))
		layers := rapid.IntRange(0, 2).Draw(t, "layers")
		raw := "https://shop.example/" + rapid.SampledFrom([]string{"?a=b&c=", "p/", "#c=", "?c=x-"}).Draw(t, "place") + id
		for range layers {
			raw = "https://r.example/?to=" + url.QueryEscape(raw)
		}
		want := FormWhole
		if layers > 0 {
			want = FormNested
		}
		if got := FindClickID(raw, id); got != want {
			t.Fatalf("%s: %s, want %s", raw, got, want)
		}
	})
}

func FuzzFindClickID(f *testing.F) {
	id := testClickKeys(f).Encode(id(idClick))
	f.Add("https://a.example/?to=https%253A%252F%252Fshop%2F%3Fcid%3D" + id)
	f.Fuzz(func(t *testing.T, raw string) {
		form := FindClickID(raw, id)
		if formRank[form] == 0 {
			t.Fatalf("%q has no form", form)
		}
		if strings.Contains(raw, id) && form == FormMissing && !strings.Contains(raw, "%") && strings.Count(raw, "?")+strings.Count(raw, "=")+strings.Count(raw, "/") < 4 {
			t.Fatalf("the id in %q is not found", raw)
		}
	})
}
