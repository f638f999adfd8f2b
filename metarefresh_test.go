package proofback

import (
	"strings"
	"testing"
)

func TestMetaRefreshIsFoundAsBrowsersDo(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		`<meta http-equiv="refresh" content="0; url=https://b.example/?a=1&amp;b=2">`:                          "https://b.example/?a=1&b=2",
		`<META HTTP-EQUIV=Refresh CONTENT='5;URL=/next'>`:                                                      "/next",
		`<!DOCTYPE html><html><head><title>x</title><meta content="0;url='/q'" http-equiv='REFRESH' /></head>`: "/q",
		`<meta http-equiv="refresh" content="0;https://b.example/">`:                                           "https://b.example/",
		`<meta http-equiv="refresh" content=" 0.5 , url = x ">`:                                                "x",
		"<meta\n\thttp-equiv=\"refresh\"\n\tcontent=\"0;url=x\"\n>":                                            "x",
		`<noscript><meta http-equiv="refresh" content="0;url=x"></noscript>`:                                   "x",
		`<meta http-equiv="refresh" content="30">`:                                                             "",
		`<meta http-equiv="refresh" content="url=x">`:                                                          "",
		`<meta name="refresh" content="0;url=x">`:                                                              "",
		`<meta http-equiv="refresh">`:                                                                          "",
		`<!-- <meta http-equiv="refresh" content="0;url=x"> -->`:                                               "",
		`<script>"<meta http-equiv='refresh' content='0;url=x'>"</SCRIPT >`:                                    "",
		`<script></script><meta http-equiv="refresh" content="0;url=y">`:                                       "y",
		`<title><meta http-equiv="refresh" content="0;url=x"></title>`:                                         "",
		`<p title="<meta http-equiv=refresh content=0;url=x>">`:                                                "",
		`<meta http-equiv="refresh" content="5"><meta http-equiv="refresh" content="0;url=second">`:            "second",
		`<meta http-equiv="refresh" content="0;url=a" content="0;url=b">`:                                      "a",
		`<meta http-equiv="refresh" content="0;url=x`:                                                          "x",
		`<meta http-equiv=refresh content=0;url=x>`:                                                            "x",
		"":              "",
		"<":             "",
		"<meta":         "",
		"<!--":          "",
		"a < b":         "",
		"<script":       "",
		`<meta =x a= >`: "",
	} {
		if got := MetaRefresh(page); got != want {
			t.Errorf("%s\n got %q\nwant %q", page, got, want)
		}
	}
}

func FuzzMetaRefresh(f *testing.F) {
	f.Add(`<!-- --><script></script><meta http-equiv="refresh" content="0; url=https://b.example/">`)
	f.Add(`<meta http-equiv=refresh content=0;url='x'>`)
	f.Fuzz(func(t *testing.T, page string) {
		if url := MetaRefresh(page); url != strings.TrimSpace(url) {
			t.Fatalf("%q", url)
		}
	})
}
