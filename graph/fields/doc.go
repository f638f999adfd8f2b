// Package fields is what the generated executor writes answers with: the fields of
// objects, most of which stand in Go fields, and relations, which are resolved level by
// level.
//
// A resolver of a relation that needs what is not fetched yet says so to its Queue's
// owner and gives ErrWaiting. It is called again once everything that its whole level
// waits for has been fetched at once. So a page of a hundred rows asks as often as a row,
// whatever else the machine does: there is no timer that rows could be late for, and no
// goroutine for each of them.
package fields
