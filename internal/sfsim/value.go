package sfsim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// appendValue writes a field's value as Salesforce's JSON has it: numbers with
// decimals in their type (12 of a double is 12.0), date-times with +0000.
func appendValue(dst []byte, f *field, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case float64:
		if f.kind == typeInt {
			return strconv.AppendInt(dst, int64(v), 10)
		}
		n := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
		if slices.Contains(dst[n:], '.') {
			return dst
		}
		return append(dst, ".0"...)
	case string:
		dst, _ = jsontext.AppendQuote(dst, v) // the text is valid UTF-8: it was read from JSON
		return dst
	}
	panic(fmt.Sprintf("a %T is no field value", v))
}

// encodeRow writes a record for the disk: an object of all values that are not null.
func encodeRow(o *object, r row) []byte {
	out := []byte{'{'}
	for i, f := range o.fields {
		if r[i] == nil {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, f.name)
		out = append(out, ':')
		out = appendValue(out, f, r[i])
	}
	return append(out, '}')
}

// decodeRow reads what encodeRow wrote. Fields that this version does not know are dropped.
func decodeRow(o *object, data []byte) (row, error) {
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("reading a stored %s: %w", o.name, err)
	}
	r := make(row, len(o.fields))
	for _, f := range o.fields {
		r[f.index] = f.fallback
		if v, ok := values[f.name]; ok {
			r[f.index] = v
		} else if f.kind != typeBoolean {
			r[f.index] = nil
		}
	}
	return r, nil
}
