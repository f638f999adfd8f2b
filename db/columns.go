package db

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// column turns rows into one column of an unnest: a whole batch goes to Postgres
// as one statement with one array a column.
func column[R, V any](rows []R, value func(R) V) []V {
	values := make([]V, len(rows))
	for i, r := range rows {
		values[i] = value(r)
	}
	return values
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func idOrNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// appendSubs keeps sub1 … sub10 as a JSON array without its empty tail; NULL when
// there are none.
func appendSubs(b []byte, subs []string) []byte {
	for len(subs) > 0 && subs[len(subs)-1] == "" {
		subs = subs[:len(subs)-1]
	}
	if len(subs) == 0 {
		return appendNull(b)
	}
	text, err := json.Marshal(subs)
	if err != nil {
		panic("db: strings do not encode: " + err.Error())
	}
	return appendJSONB(b, text)
}
