package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/app"
)

// TestErase goes the way of a privacy request: two calls of a number are erased, with all
// that their Tasks had of them, and a third call stays.
func TestErase(t *testing.T) {
	w := newSinkWorld(t)
	t.Setenv("CALLFOLD_KAFKA_BROKERS", strings.Join(w.settings.Kafka.Brokers, ","))
	if err := w.org.Load([]byte(`{"Contact":[{"Id":"003000000000001AAA","LastName":"Curie","Phone":"+33123456789"}]}`)); err != nil {
		t.Fatal(err)
	}
	w.process(func() {
		w.run(func(a *app.App) {
			w.joined(a)
			w.event(1)
			w.event(2)
			w.logged(1, 2)
			w.command("erase", "--number", "+33 1 23 45 67 89", "--reason", "request 4711", "--who", "dpo", "--yes")
			w.listed("erased 2")
			w.event(1) // it comes again
			w.event(3)
			w.logged(3)
		})
	})
	for _, task := range w.org.Records("Task") {
		text := fmt.Sprint(task)
		if told, third := strings.Contains(text, "Curie") || strings.Contains(text, "3345") || task["WhoId"] != nil, task["Aircall_Call_Id__c"] == "3"; told != third {
			t.Errorf("Task %v", task)
		}
	}
	text := w.command("call", "show", "1")
	if strings.Contains(text, "23 45") || !strings.Contains(text, "dpo, request 4711") || !strings.Contains(text, "outcome    erased (erase)") {
		t.Errorf("call show prints\n%s", text)
	}
}

// logged waits until these calls have Tasks. A turn that had to be repeated says
// updated of a Task that it created.
func (w *sinkWorld) logged(ids ...int64) {
	w.Helper()
	w.until(fmt.Sprint("Tasks of ", ids), func() bool {
		list := w.command("outcomes", "list", "--outcome", "created,updated", "--output", "json")
		return !slices.ContainsFunc(ids, func(id int64) bool { return !strings.Contains(list, fmt.Sprintf(`"call_id":%d,`, id)) })
	})
}
