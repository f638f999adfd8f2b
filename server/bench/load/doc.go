// Package load drives a server from a process of its own: a bounded number of
// connections, for a bounded time, either each as fast as it is answered (a
// closed loop) or at a fixed rate whatever the answers do (an open loop).
//
// The clients are as small as they can be, so that on one machine with the
// server they take little from what they measure. What they send is made from
// numbers: request n is the same request whoever makes it, so that nothing has
// to be carried from one process to the other.
package load
