package projector

// ellipsis ends a text that was cut; it is one UTF-16 unit.
const ellipsis = "…"

// units is the length of s as Salesforce counts it: in UTF-16 units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// cut shortens s to at most limit units. It cuts between code points, never
// inside of one, and ends in an ellipsis what it cut.
func cut(s string, limit int) string {
	if len(s) <= limit { // a byte is at least a unit
		return s
	}
	n, end := 0, 0 // end: where s[:end] with the ellipsis still fits
	for i, r := range s {
		if n <= limit-1 {
			end = i
		}
		n++
		if r > 0xFFFF {
			n++
		}
		if n > limit {
			return s[:end] + ellipsis
		}
	}
	return s
}
