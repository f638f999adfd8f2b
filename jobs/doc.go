// Package jobs does what need not be done while somebody waits, with River on
// the Store's own pool.
//
// A change of a conversion enqueues one fan_out job in its own transaction
// (Jobs is the Store's Enqueuer). That job carries the deliveries out itself where
// they are few (direct.go). Those that cannot be made at once, and large changes,
// become deliver jobs, in the transaction that takes them out of the fan_out job
// or completes it, so a crash neither loses nor doubles any.
//
// An attempt is: load, admit (admit.go), render, send (package outbound), classify,
// record (record.go). The next attempt is another job, enqueued in the transaction
// that records this one; River's own retries are left for faults of ours. A job
// whose delivery is no longer due at the moment that the job was made for is
// stale, and ends without doing anything. What many workers ask of the database at
// the same time is asked at once (gather.go).
//
// A destination gets a few requests at a time and no more (lanes.go): what comes
// on top is snoozed, so that no worker waits for a slow endpoint. What may not be
// sent for longer, because a breaker is open or a destination is switched off, is
// parked: it has no job until it is released, in portions and in order
// (release.go).
//
// A process that dies leaves its jobs running. Each process looks for such jobs
// every few seconds and has them done again (rescue.go): what was in flight comes
// within a minute, and may come twice.
//
// Everything else (upkeep.go) is one Store method on a schedule.
package jobs
