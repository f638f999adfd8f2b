// Package export gives clicks, conversions, reports and statements as CSV (RFC 4180,
// UTF-8), and statements as a page to be printed, to whoever may see them in GraphQL and with the same filters. Rows are written
// as they are read, so that a file of any length takes the memory of a page. Each
// row ends with a cursor: a file that broke off goes on behind its last row when
// it is asked for again with that cursor as after.
//
// The files of saved reports were made by a job, and are whole: they have no cursors.
//
// The other way, it takes advertisers' lists of events to be compared with ours
// (upload.go), and gives what came of it.
package export
