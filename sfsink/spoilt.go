package sfsink

import "context"

const (
	// probeAbove is how many rows a refused request has at least for it to be
	// probed; halves find the culprit in fewer as quickly.
	probeAbove = 8
	// probes are the rows that are sent alone first.
	probes = 3
)

// probe looks whether a request that was refused for one of its rows, or for all of
// them together, is refused for each: then it is not the rows. A broken trigger on
// Task, or a field of a wrong type, would have hundreds of requests sent that cannot
// succeed, and calls rejected that nothing is wrong with. So a few rows, by chance,
// are sent alone; when all are refused in the same way the turn is stopped.
//
// Which ones is by chance so that a turn in which many rows but not all are bad does
// not stop each time.
func (t *turn) probe(ctx context.Context, rows []*row, p *problem) (rest, look []*row, err error) {
	rest = rows
	refused := 0
	for range probes {
		i := int(t.random() * float64(len(rest)))
		r := rest[i]
		rest = append(rest[:i:i], rest[i+1:]...)
		more, err := t.send(ctx, [][]*row{{r}})
		if err != nil {
			return nil, nil, err
		}
		look = append(look, more...)
		if r.outcome != nil && r.outcome.Error != nil && r.outcome.Error.Class == string(p.class) {
			refused++
		}
	}
	if refused == probes {
		return nil, nil, p.stopped()
	}
	return rest, look, nil
}
