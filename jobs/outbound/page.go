package outbound

import (
	"context"
	"io"
	"mime"
	"net/http"
)

// maxPage is how much of a page is read.
const maxPage = 256 << 10

// Page is what a URL shows a visitor, as far as it says where to go on.
type Page struct {
	Result
	Location string // the header, as it came
	Refresh  string // the header, as it came
	HTML     string // as it came, cut; "" when the answer is something else
}

// Visit gets a page, with Do's limits and errors but for the body's length. It
// follows nothing.
func (c *Client) Visit(ctx context.Context, rawURL string, header http.Header) (Page, error) {
	r := Request{Method: http.MethodGet, URL: rawURL, Header: header}
	page := Page{Result: c.newResult(r)}
	err := c.exchange(ctx, r, &page.Result, func(resp *http.Response, _ []echo) {
		page.Location, page.Refresh = resp.Header.Get("Location"), resp.Header.Get("Refresh")
		if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind != "text/html" && kind != "application/xhtml+xml" {
			return
		}
		// What came of a page that breaks off may still say where to go on.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxPage))
		page.HTML = string(body)
	})
	return page, err
}
