package observe

// Digits is a phone number as logs may show it: its last two digits after an
// ellipsis, "…90". Of a number with fewer than four digits nothing is shown,
// since two would be most of it.
func Digits(number string) string {
	var digits []rune
	for _, r := range number {
		if r >= '0' && r <= '9' {
			digits = append(digits, r)
		}
	}
	if len(digits) < 4 {
		return "…"
	}
	return "…" + string(digits[len(digits)-2:])
}
