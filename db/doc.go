// Package db keeps Proofback's values in Postgres.
//
// There is one concrete Store over one pgx pool. Set-up and reading go through
// bun on that pool; the two hot paths, clicks and postbacks, speak to pgx
// directly: clicks are COPYed in groups, postbacks are decided and written
// set-wise. Row structs are private; what goes in and out are the types of the
// root package.
//
// An exported Store method is one transaction. It takes the actor on whose
// behalf it works and begins with what that actor may do, so that no transport
// can get round a rule. Transactions for partners are opened in one place
// (Store.tx), which is where the database itself is told who they are.
//
// What Postgres refuses (a unique key, an exclusion, a kept row) becomes a
// domain error in one place, by constraint name (errors.go).
package db
