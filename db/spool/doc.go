// Package spool keeps records in local files until they can be stored elsewhere.
// It knows nothing of what they are.
//
// Records are appended to segments, which are fsynced before anybody is told that
// a record is kept: whatever gathered while the last fsync ran shares the next
// one. A reader takes segments in the order of their writing and removes each
// once it has stored what was in it; until then it may be read again, so what the
// reader does must bear repetition.
//
// The files of several processes may lie in one folder:
//
//	lock                    held for a moment by who makes, takes or drops a folder
//	<id>/lock               held for as long as a process uses the folder
//	<id>/00000001.segment   records, oldest first
//	damaged/                segments with something in them that could not be used
//
// A process has a folder of its own. The lock of a process that has died is free,
// however it died, and any other process that looks takes its folder over.
//
// A process that was killed may leave half a record at the very end of its last
// segment. Nobody was told that it was kept, so it is skipped and counted. Damage
// anywhere else is none of ours: what is whole around it is read, and the
// segment is kept in damaged for people to look at.
package spool
