// Package rejects reads the topic rejected, where everything is kept that could not be
// used, and puts what has been mended into the topic events again.
//
// A record has a name that never changes: its partition and offset. What goes into
// events again is judged as the door and the fold judge it, so that it does not come
// back; and since the fold is idempotent, a record that goes there twice does no harm.
package rejects
