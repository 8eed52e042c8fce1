package rejects

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Place names a record of the topic: its partition and its offset.
type Place struct {
	Partition int32
	Offset    int64
}

// ParsePlace reads a name such as 3:17.
func ParsePlace(text string) (Place, error) {
	number, at, _ := strings.Cut(text, ":")
	partition, err1 := strconv.ParseUint(number, 10, 31)
	offset, err2 := strconv.ParseUint(at, 10, 63)
	if err1 != nil || err2 != nil {
		return Place{}, fmt.Errorf("%q is no record: name it as PARTITION:OFFSET, such as 3:17, as 'callfold rejected list' does", text)
	}
	return Place{int32(partition), int64(offset)}, nil
}

// String is PARTITION:OFFSET.
func (p Place) String() string { return fmt.Sprintf("%d:%d", p.Partition, p.Offset) }

// MarshalText makes it a text in JSON.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

func (p Place) compare(o Place) int {
	return cmp.Or(cmp.Compare(p.Partition, o.Partition), cmp.Compare(p.Offset, o.Offset))
}
