package graph_test

import "testing"

func TestADocumentSaysWhichOperationsItHas(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for query, want := range map[string]string{
		"query a { viewer { id } } query b { viewer { id } }": "the document has 2 operations (a, b): say in operationName which of them",
	} {
		got := m.do(admin, query, nil)
		if got.code() != "BAD_USER_INPUT" || len(got.Errors) != 1 || got.Errors[0].Message != want {
			t.Errorf("%s: %+v", query, got.Errors)
		}
	}
}
