package dashboards

// lineWidth is how many columns Grafana's grid has.
const lineWidth = 24

// size is what is usual for a panel's kind.
func (p Panel) size() (width, height int) {
	switch p.Kind {
	case Stat:
		width, height = 4, 4
	case Text:
		width, height = lineWidth, 5
	case Table:
		width, height = lineWidth, 8
	default:
		width, height = 8, 8
	}
	if p.Width != 0 {
		width = p.Width
	}
	if p.Height != 0 {
		height = p.Height
	}
	return width, height
}

// layout places the rows below each other, and the panels of each from left to right.
func layout(rows []Row) []gridPos {
	var places []gridPos
	y := 0
	for _, row := range rows {
		places = append(places, gridPos{H: 1, W: lineWidth, Y: y})
		y++
		x, tallest := 0, 0
		for _, p := range row.Panels {
			w, h := p.size()
			if x+w > lineWidth {
				x, y, tallest = 0, y+tallest, 0
			}
			places = append(places, gridPos{H: h, W: w, X: x, Y: y})
			x, tallest = x+w, max(tallest, h)
		}
		y += tallest
	}
	return places
}
