package main

import (
	"cmp"
	"fmt"
)

// role is the part of the work that a process does. All that processes share is in
// Postgres, so any number of each may work on one database.
type role string

const (
	roleAll    role = "all"
	roleIngest role = "ingest" // takes clicks, postbacks and pixels
	roleAPI    role = "api"    // serves GraphQL, exports and pages
	roleWorker role = "worker" // works on jobs
)

func (r role) ingests() bool { return r == roleAll || r == roleIngest }
func (r role) serves() bool  { return r == roleAll || r == roleAPI }
func (r role) works() bool   { return r == roleAll || r == roleWorker }

// roleOf reads the setting, given what the others say.
func (s *Settings) roleOf(text string) (role, error) {
	r := role(cmp.Or(text, string(roleAll)))
	switch r {
	case roleAll:
	case roleIngest, roleAPI, roleWorker:
		if s.embedded() {
			return r, wrong("PROOFBACK_ROLE", "is %q, and DATABASE_URL is not set: expected the database that the processes of the other roles work on, or the role all", text)
		}
		if r == roleAPI && s.PublicURL == "" {
			return r, wrong("PROOFBACK_PUBLIC_URL", "is not set: expected the base of the links that processes of the role ingest serve, which this one hands out")
		}
	default:
		return r, wrong("PROOFBACK_ROLE", "is %q: expected all, ingest, api or worker", text)
	}
	return r, nil
}

// does says what processes of a role do, for whoever asks one for something else.
func (r role) does() string {
	switch r {
	case roleIngest:
		return "takes clicks, postbacks and pixels"
	case roleAPI:
		return "serves GraphQL, exports and pages"
	case roleWorker:
		return "works on jobs"
	}
	return "does everything"
}

// elsewhere says whom to ask for what processes of other roles are there for, and "" where
// there are none.
func (r role) elsewhere() string {
	if r == roleAll {
		return ""
	}
	return fmt.Sprintf("this process has the role %s, which %s: ask one of another role", r, r.does())
}
