package salesforce_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
)

// ingest carries out a job and gives what became of its rows, by a column.
func ingest(t *testing.T, c *salesforce.Client, externalID, column string, rows []salesforce.Record) (salesforce.BulkInfo, map[string]salesforce.BulkResult) {
	t.Helper()
	ctx := t.Context()
	id, err := c.BulkCreate(ctx, "Task", externalID)
	if err == nil {
		err = c.BulkUpload(ctx, id, rows)
	}
	if err == nil {
		err = c.BulkClose(ctx, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return results(t, c, id, column)
}

// results waits for a job and reads what became of its rows.
func results(t *testing.T, c *salesforce.Client, id, column string) (info salesforce.BulkInfo, rows map[string]salesforce.BulkResult) {
	t.Helper()
	ctx := t.Context()
	info = await(t, c, id, salesforce.BulkInfo.Ended)
	rows = map[string]salesforce.BulkResult{}
	if err := c.BulkResults(ctx, info, func(r salesforce.BulkResult) error { rows[r.Row[column]] = r; return nil }); err != nil {
		t.Fatal(err)
	}
	return info, rows
}

// await looks at a job until it is as wanted.
func await(t *testing.T, c *salesforce.Client, id string, wanted func(salesforce.BulkInfo) bool) salesforce.BulkInfo {
	t.Helper()
	for {
		info, err := c.BulkInfo(t.Context(), id)
		if err == nil && !wanted(info) {
			err = moment(t.Context(), 0)
		} else if err == nil {
			return info
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestBulkIngest: rows with different columns; what a row leaves out stays, nil and
// the empty text clear; each row's fate is told.
func TestBulkIngest(t *testing.T) {
	sim, c := simulated(t, sfsim.Options{})
	info, rows := ingest(t, c, "Aircall_Call_Id__c", "Aircall_Call_Id__c", []salesforce.Record{
		{"Aircall_Call_Id__c": "1", "Subject": "one, \"1\"", "Description": "a\r\nb\nc", "CallDurationInSeconds": 25, "aircall__Has_connected__c": true},
		{"Aircall_Call_Id__c": "2", "Subject": "two", "CallType": "Inbound", "Description": "old", "CallDisposition": "old"},
		{"Aircall_Call_Id__c": "3", "Subject": strings.Repeat("x", 256)},
	})
	if !info.Complete() || info.Processed != 3 || info.Failed != 1 || info.ExternalID != "Aircall_Call_Id__c" {
		t.Errorf("%+v", info)
	}
	if r := rows["1"]; !r.Created || r.ID == "" || r.Code != "" {
		t.Errorf("row 1: %+v", r)
	}
	if r := rows["3"]; r.Created || r.Code != "STRING_TOO_LONG" {
		t.Errorf("row 3: %+v", r)
	}
	two := rows["2"].ID
	info, rows = ingest(t, c, "", "Id", []salesforce.Record{
		{"Id": rows["1"].ID, "Subject": "changed"}, {"Id": two, "Description": nil, "CallDisposition": "", "CallType": "Outbound"},
		{"Id": "00T000000000999AAA", "Subject": "nobody"},
	})
	if info.ExternalID != "" || rows[two].Created || rows[two].ID != two || rows["00T000000000999AAA"].Code == "" {
		t.Errorf("%+v %+v", info, rows)
	}
	var got []string
	for _, r := range sim.Records("Task") {
		got = append(got, fmt.Sprintf("%v|%q|%v|%v|%v|%v", r["Subject"], r["Description"], r["CallDurationInSeconds"], r["aircall__Has_connected__c"], r["CallType"], r["CallDisposition"]))
	}
	slices.Sort(got)
	if want := `changed|"a\r\nb\nc"|25|true|<nil>|<nil>`; got[0] != want || got[1] != `two|%!q(<nil>)|<nil>|false|Outbound|<nil>` {
		t.Errorf("%q", got)
	}
	if salesforce.BulkTakes(salesforce.Record{"Subject": "#N/A"}) || !salesforce.BulkTakes(salesforce.Record{"Subject": "# N/A", "Who": nil}) {
		t.Error("a text that cannot be written goes unnoticed, or one that can does not")
	}
}

// TestBulkIngestStates: a job that was aborted has rows of which nothing is told, one
// that is gone is not found, and one is uploaded to once.
func TestBulkIngestStates(t *testing.T) {
	sim, c := simulated(t, sfsim.Options{})
	ctx := t.Context()
	gate := make(chan struct{})
	sim.Fail(sfsim.Fault{Operation: "bulk_chunk", Hold: gate, Skip: 1})
	var rows []salesforce.Record
	for i := range 450 {
		rows = append(rows, salesforce.Record{"Aircall_Call_Id__c": fmt.Sprint(i)})
	}
	id, err := c.BulkCreate(ctx, "Task", "Aircall_Call_Id__c")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := c.BulkInfo(ctx, id); err != nil || !info.Open() || info.Ended() {
		t.Errorf("%+v, %v", info, err)
	}
	if err := c.BulkUpload(ctx, id, rows); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, c.BulkUpload(ctx, id, rows)); e.Code != "INVALIDJOBSTATE" {
		t.Error(e)
	}
	if err := c.BulkClose(ctx, id); err != nil {
		t.Fatal(err)
	}
	await(t, c, id, func(i salesforce.BulkInfo) bool { return i.Processed == 50 })
	if err := c.BulkAbort(ctx, id); err != nil {
		t.Fatal(err)
	}
	info, told := results(t, c, id, "Aircall_Call_Id__c")
	if info.Complete() || len(told) != 50 {
		t.Errorf("%+v, %d rows told of", info, len(told))
	}
	close(gate)
	_, err = c.BulkInfo(ctx, "750000000000999AAA")
	if e := refusal(t, err); e.Status != http.StatusNotFound {
		t.Error(e)
	}
}

// TestBulkResultsThatAreNotWhole: fewer rows than Salesforce says are no results.
func TestBulkResultsThatAreNotWhole(t *testing.T) {
	o := newOrg(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("sf__Id,sf__Created\n00T1,true\n")); err != nil {
			t.Error(err)
		}
	})
	err := o.client(t, nil).BulkResults(t.Context(), salesforce.BulkInfo{ID: "750A", State: "JobComplete", Processed: 3, Failed: 1}, func(salesforce.BulkResult) error { return nil })
	if u := (*salesforce.Unanswered)(nil); !errors.As(err, &u) {
		t.Error(err)
	}
}
