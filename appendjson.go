package proofback

import "strconv"

// The JSON that every postback leaves behind is put together by hand: it is the
// same as encoding/json's, which takes several times as long.

// AppendParameters appends a list as JSON, [] for none.
func AppendParameters(b []byte, list []Parameter) []byte {
	b = append(b, '[')
	for i := range list {
		p := &list[i]
		b = appendJSONField(appendComma(b, i), '{', "name", p.Name)
		b = appendJSONField(b, ',', "value", p.Value)
		if p.Canonical != "" {
			b = appendJSONField(b, ',', "canonical", p.Canonical)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// AppendChecks appends a list as JSON, [] for none.
func AppendChecks(b []byte, list []Check) []byte {
	b = append(b, '[')
	for i := range list {
		c := &list[i]
		b = appendJSONField(appendComma(b, i), '{', "name", c.Name)
		b = strconv.AppendBool(append(b, `,"passed":`...), c.Passed)
		b = appendJSONField(b, ',', "detail", c.Detail)
		b = append(b, '}')
	}
	return append(b, ']')
}

// appendComma appends a comma before all but the first.
func appendComma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

// appendJSONField appends a field of an object after what stands before it.
func appendJSONField(b []byte, before byte, key, value string) []byte {
	b = append(append(append(b, before, '"'), key...), '"', ':')
	return appendJSONString(b, value)
}
