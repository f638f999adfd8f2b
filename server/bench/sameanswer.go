package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// sameAnswers refuses to compare servers that answer a click differently: a header more is
// work as well, for them and for the generator.
func (s *suite) sameAnswers(ctx context.Context, field []*contender) error {
	var first string
	for i, c := range field {
		told, err := answerTo(ctx, "http://"+c.server.addr+"/c/"+s.bed.Codes[0]+"?source=newsletter")
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if c.stores {
			s.answered["302"]++ // it is stored like all others
		} else {
			s.others++
		}
		if i == 0 {
			first = told
		} else if told != first {
			return fmt.Errorf("%s answers %s, and %s %s: they cannot be compared", field[0].name, first, c.name, told)
		}
	}
	return nil
}

// answerTo tells an answer's status and which headers it has.
func answerTo(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer stay.CloseIdleConnections()
	answer, err := stay.Do(r)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d with %v", answer.StatusCode, slices.Sorted(maps.Keys(answer.Header))), answer.Body.Close()
}
