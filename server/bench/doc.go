// Package bench measures what the program takes in, side by side with what the
// machine could do at best: `proofback bench SUITE`.
//
// A machine's speed is nobody's but its own, so every figure comes with that of a
// baseline in the same run, taken in turn, and the ratio of the two is what can be
// compared. The bench bed (bed.go) is a Postgres cluster of its own with the same
// settings as production, a network of partners (network.go) and stored clicks
// (fill.go). What is measured runs in processes of its own (child.go): the
// program as it is served, the baselines (baseline.go, naive.go, replay.go), and the load
// generator (package load). The suites (suites.go, growth.go, graphql.go) say who is compared
// to whom (compare.go); reconcile.go compares two long lists;
// cost.go measures what one of each costs; table.go prints medians and ratios; audit.go then counts
// whether everything that was answered for is stored.
package bench
