package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// textTable writes rows with aligned columns.
type textTable struct{ w *tabwriter.Writer }

// row writes a row. Writing to memory does not fail.
func (t textTable) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Join(strings.Fields(cell), " ") // a tab would be a column
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// known writes a row unless its value is empty.
func (t textTable) known(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

// end ends a block, with an empty line.
func (t textTable) end() {
	_, _ = fmt.Fprintln(t.w)
	_ = t.w.Flush()
}
