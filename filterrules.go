package proofback

import "time"

// Validate refuses a range that ends before it begins: it would find nothing, and look as
// if there were nothing to find.
func (r TimeRange) Validate() error {
	if r.From.IsZero() || r.To.IsZero() || !r.To.Before(r.From) {
		return nil
	}
	return Invalid([]string{"filter", "to"}, "to (%s) is before from (%s): send the earlier moment as from",
		r.To.UTC().Format(time.RFC3339), r.From.UTC().Format(time.RFC3339))
}

// Validate tells what is wrong with the filter.
func (f *ClickFilter) Validate() error {
	if f.SubIndex < 0 || f.SubIndex > 10 {
		return Invalid([]string{"filter", "sub", "index"}, "there are sub1 to sub10, and no sub%d", f.SubIndex)
	}
	if f.Country != "" && !looksLikeCountry(f.Country) {
		return Invalid([]string{"filter", "country"}, notCountry, f.Country)
	}
	return f.TimeRange.Validate()
}

const notCountry = "%.20q is not an ISO 3166-1 alpha-2 country: send a code such as DE"

// looksLikeCountry is wider than isCountry: clicks are found by what a proxy or a file of
// addresses called their country, also where it is one that ISO does not know, such as XK.
func looksLikeCountry(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z'
}
