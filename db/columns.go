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

// subsJSON keeps sub1 … sub10 as a JSON array without its empty tail; NULL when
// there are none.
func subsJSON(subs [10]string) *string {
	n := len(subs)
	for n > 0 && subs[n-1] == "" {
		n--
	}
	if n == 0 {
		return nil
	}
	b, err := json.Marshal(subs[:n])
	if err != nil {
		panic("db: strings do not encode: " + err.Error())
	}
	s := string(b)
	return &s
}
