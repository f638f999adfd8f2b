// Package mail sends mail through an SMTP server (RFC 5321) that the operator names.
//
// A Sender is made of a URL once, at the start. Send hands one Message over while its
// caller waits; who does not want to wait, or must not lose the message, has a job
// send it: package jobs does so for what the Store enqueues. Permanent tells the
// failures that no further try mends.
package mail
