//go:build unix

package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// Numbers is the value of a flag: numbers from 1 on, by commas.
type Numbers []int

func (n *Numbers) String() string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(*n), "[]"), " ", ",")
}

// Set takes what a user wrote.
func (n *Numbers) Set(s string) error {
	*n = nil
	for part := range strings.SplitSeq(s, ",") {
		i, err := strconv.Atoi(part)
		if err != nil || i < 1 {
			return fmt.Errorf("%q is no number from 1 on", part)
		}
		*n = append(*n, i)
	}
	return nil
}
