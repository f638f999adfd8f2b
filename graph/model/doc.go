// Package model holds the Go side of schema.graphql: generated structs for its
// inputs and outputs, and how its scalars are read and written.
package model
