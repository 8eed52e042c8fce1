package settings

import "github.com/callfold/callfold/projector"

// rules checks the sections tasks, match and owner, whose rules the projector owns.
func (c *checker) rules() {
	for _, p := range projector.Problems(c.settings.Settings) {
		c.add(p.Key, p.Value, p.Wrong, p.Mend)
	}
}
