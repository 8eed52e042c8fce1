package sfsink

import (
	"sync"
	"time"

	"github.com/callfold/callfold/internal/salesforce"
)

// promptly is how long a request should take at the most: far less than the 30 s
// after which it is given up and nobody knows what became of its rows.
const promptly = 10 * time.Second

// width bounds the rows of one request, in full collections. Salesforce carries the
// collections of a request out one after the other, so where triggers and flows
// take long, five of them would not be answered in time. It begins with one and
// becomes more while answers are quick.
type width struct {
	mu          sync.Mutex
	collections int
}

func newWidth() *width { return &width{collections: 1} }

// rows is how many a request may have just now.
func (w *width) rows() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.collections * salesforce.MaxRows
}

// answered learns from an answer. Only a request that was half full tells that
// larger ones would be answered in time, too.
func (w *width) answered(rows int, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.collections + 1
	switch {
	case took > promptly:
		w.collections = max(1, w.collections/2)
	case next <= salesforce.MaxCollections && rows*2 >= w.collections*salesforce.MaxRows &&
		took*time.Duration(next) <= promptly*time.Duration(w.collections):
		w.collections = next
	}
}

// lost is told of a request that was not answered.
func (w *width) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.collections = 1
}
