package ports

import "testing"

// TestFree: processes that do not listen yet have addresses of their own.
func TestFree(t *testing.T) {
	seen := map[string]bool{}
	for range 500 {
		address, err := Free()
		if err != nil {
			t.Fatal(err)
		}
		if seen[address] {
			t.Errorf("%s was given twice", address)
		}
		seen[address] = true
	}
}
