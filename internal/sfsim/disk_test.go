package sfsim

import (
	"bufio"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// snapshot is everything in an org.
func snapshot(s *Server) map[string][]map[string]any {
	out := map[string][]map[string]any{}
	for _, o := range s.objectNames() {
		records := map[string]map[string]any{}
		for _, r := range s.Records(o) {
			records[r["Id"].(string)] = r
		}
		for _, id := range slices.Sorted(maps.Keys(records)) {
			out[o] = append(out[o], records[id])
		}
	}
	return out
}

func TestReopening(t *testing.T) {
	dir := t.TempDir()
	var before map[string][]map[string]any
	var lastID string
	t.Run("first", func(t *testing.T) {
		g := newOrg(t, Options{Dir: dir})
		g.must(http.StatusOK, "PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", upsertBody(0, 50))
		lastID = g.must(http.StatusCreated, "POST", "sobjects/Account", `{"Name":"Zoë \"quoted\" 😀\n"}`).body.Get("id").String()
		g.must(http.StatusNoContent, "DELETE", "sobjects/Task/Aircall_Call_Id__c/7", "")
		g.must(http.StatusNoContent, "DELETE", "sobjects/Account/"+lastID, "")
		before = snapshot(g.sim)
	})
	t.Run("second", func(t *testing.T) {
		g := newOrg(t, Options{Dir: dir})
		if after := snapshot(g.sim); !reflect.DeepEqual(before, after) {
			t.Fatalf("reopening gave\n%v\nwant\n%v", after, before)
		}
		// Indexes, the recycle bin, features, the run-as user and the Id counter work on.
		g.must(http.StatusOK, "PATCH", "sobjects/Task/Aircall_Call_Id__c/8", `{"Subject":"again"}`)
		g.must(http.StatusCreated, "PATCH", "sobjects/Task/Aircall_Call_Id__c/7", `{"Subject":"again"}`)
		wantError(t, g.do("GET", "sobjects/Account/"+lastID, ""), http.StatusNotFound, "ENTITY_IS_DELETED")
		g.must(http.StatusOK, "GET", "query?q=SELECT+PersonMobilePhone+FROM+Account", "")
		id := g.must(http.StatusCreated, "POST", "sobjects/Account", `{"Name":"x"}`).body.Get("id").String()
		if id <= lastID {
			t.Errorf("Id %s was given after %s", id, lastID)
		}
		if owner := g.must(http.StatusOK, "GET", "sobjects/Account/"+id, "").body.Get("OwnerId").String(); owner != "005000000000001AAA" {
			t.Errorf("the run-as user is %s", owner)
		}
	})
}

func TestDirectoryInUse(t *testing.T) {
	dir := t.TempDir()
	newServer(t, Options{Dir: dir})
	if _, err := New(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("opening a directory twice: %v", err)
	}
}

// TestKill kills a simulator in mid-work with SIGKILL: what it had answered is
// there when it opens again, and no request is there by half.
func TestKill(t *testing.T) {
	if dir := os.Getenv("SFSIM_KILL_DIR"); dir != "" {
		serveForKill(dir)
		return
	}
	dir := t.TempDir()
	answered := map[int]bool{}
	for round := range 3 {
		command := exec.Command(os.Args[0], "-test.run=^TestKill$")
		command.Env = append(os.Environ(), "SFSIM_KILL_DIR="+dir)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		url, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		g := &org{t: t, url: strings.TrimSpace(url), header: http.Header{}}
		g.signIn()
		for i := range 20 {
			key := 1000*round + 10*i
			if i == 15 {
				// Kill while requests are under way: their answers do not matter.
				go command.Process.Kill()
			}
			resp, err := g.try("PATCH", "composite/sobjects/Task/Aircall_Call_Id__c", killBody(key))
			if err != nil {
				break
			}
			g.read(resp, nil)
			answered[key] = true
		}
		command.Process.Kill()
		command.Wait() // reports the kill
	}
	if len(answered) < 3*15 {
		t.Fatalf("only %d requests were answered", len(answered))
	}
	s := newServer(t, Options{Dir: dir})
	have := map[int]int{}
	for _, r := range s.Records("Task") {
		var key int
		fmt.Sscan(r["Aircall_Call_Id__c"].(string), &key)
		have[key/10*10]++
	}
	for key := range answered {
		if have[key] != 10 {
			t.Errorf("request %d was answered; %d of its 10 records are there", key, have[key])
		}
	}
	for key, n := range have {
		if n != 10 {
			t.Errorf("request %d is there by half: %d records", key, n)
		}
	}
}

func killBody(first int) string {
	records := make([]string, 10)
	for i := range records {
		records[i] = fmt.Sprintf(`{"attributes":{"type":"Task"},"Aircall_Call_Id__c":"%d"}`, first+i)
	}
	return `{"records":[` + strings.Join(records, ",") + `]}`
}

func serveForKill(dir string) {
	s, err := New(Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	fmt.Println(httptest.NewServer(s).URL)
	select {}
}
