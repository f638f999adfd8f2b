// Package jobs does what need not be done while somebody waits, with River on
// the Store's own pool.
//
// A change of a conversion enqueues one fan_out job in its own transaction
// (Jobs is the Store's Enqueuer). That job makes a deliver job of each delivery
// and completes itself in one transaction, so a crash neither loses nor doubles
// any. A deliver job makes one attempt: load, render, send (package outbound),
// classify, record. The next attempt is another job, enqueued in the transaction
// that records this one; River's own retries are left for faults of ours. A job
// whose delivery is no longer due at the moment that the job was made for is
// stale, and ends without doing anything.
//
// A destination gets a few requests at a time and no more (lanes.go): what comes
// on top is snoozed, so that no worker waits for a slow endpoint.
//
// Everything else (upkeep.go) is one Store method on a schedule.
package jobs
