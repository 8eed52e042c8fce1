package sfsink

import "github.com/callfold/callfold/schemas"

// commandsOf are the newest commands that a state knows of.
func commandsOf(c *schemas.Call) schemas.Commands {
	return schemas.Commands{Rewrite: c.Rewrite.At, Rematch: c.Rematch.At, Retry: c.Retry.At}
}

// anew tells whether a command is newer than the one of its kind that was obeyed. An
// older one is of a state that comes again, since the topic calls is read from further
// back: it was obeyed, or overtaken.
func anew(asked, obeyed schemas.Key) bool { return asked.Compare(obeyed) > 0 }

// latest are the newer commands of each kind.
func latest(a, b schemas.Commands) schemas.Commands {
	newer := func(a *schemas.Key, b schemas.Key) {
		if anew(b, *a) {
			*a = b
		}
	}
	newer(&a.Rewrite, b.Rewrite)
	newer(&a.Rematch, b.Rematch)
	newer(&a.Retry, b.Retry)
	return a
}
