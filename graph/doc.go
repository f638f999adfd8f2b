// Package graph is the GraphQL surface: resolvers by noun, each of which reads
// its input, calls one method of the Store, and writes its output. Who may see
// and do what is decided by the Store alone, by the Actor that the request's
// context carries.
//
// The schema is schema.graphql at the top of the module. From it graph/gen, with gqlgen, makes
// graph/model (inputs and outputs) and graph/generated (the executor); neither
// leaves this package.
package graph

//go:generate go -C .. run ./graph/gen
//go:generate go run ./schemadiff ..
