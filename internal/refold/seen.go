package refold

import "math/bits"

// seenBits is how many bits a seen has: 4 MiB of them. With a million calls in one
// partition one in a hundred is looked up in vain.
const seenBits = 1 << 25

// seen is a set of call ids that may say yes wrongly, and never no (a Bloom filter). Most
// events are the first of their call: with it these are not looked up in the table.
type seen []uint64

func newSeen() seen { return make(seen, seenBits/64) }

// places are the three bits of an id.
func (seen) places(id int64) [3]uint64 {
	high, low := bits.Mul64(uint64(id)^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	mixed := (high ^ low) * 0xff51afd7ed558ccd
	mixed ^= mixed >> 32
	step := mixed>>17 | 1
	return [3]uint64{mixed % seenBits, (mixed + step) % seenBits, (mixed + 2*step) % seenBits}
}

func (s seen) add(id int64) {
	for _, p := range s.places(id) {
		s[p/64] |= 1 << (p % 64)
	}
}

func (s seen) has(id int64) bool {
	for _, p := range s.places(id) {
		if s[p/64]&(1<<(p%64)) == 0 {
			return false
		}
	}
	return true
}
