package outbound

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Download is what came of fetching a file.
type Download struct {
	Result
	ETag string
	// Cut says that the file was longer than was asked for, or broke off.
	Cut bool
}

// Fetch gets a file into w, at most limit bytes and within a time of its own, with
// Do's other limits. It follows nothing.
func (c *Client) Fetch(ctx context.Context, rawURL string, header http.Header, w io.Writer, limit int64, timeout time.Duration) (Download, error) {
	r := Request{Method: http.MethodGet, URL: rawURL, Header: header}
	d := Download{Result: c.newResult(r)}
	patient := &Client{transport: c.transport, timeout: timeout, now: c.now}
	err := patient.exchange(ctx, r, &d.Result, func(resp *http.Response, _ []echo) {
		d.ETag = resp.Header.Get("ETag")
		if resp.StatusCode != http.StatusOK {
			return
		}
		n, err := io.Copy(w, io.LimitReader(resp.Body, limit+1))
		if n > limit {
			err = errors.New("the file is too long")
		}
		if err != nil {
			d.Cut, d.Error = true, "the file broke off, or is too long"
		}
	})
	return d, err
}
