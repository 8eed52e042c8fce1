package salesforce_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/callfold/callfold/internal/salesforce"
	"github.com/callfold/callfold/internal/sfsim"
)

// TestAgainstTheSimulator walks through every request on a whole org, signed in
// by either flow.
func TestAgainstTheSimulator(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sim, err := sfsim.New(sfsim.Options{JWTKeys: []crypto.PublicKey{&key.PublicKey}})
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Load([]byte(`{"integration_user":"005000000000001AAA","User":[{"Id":"005000000000001AAA","Name":"Bot","Username":"bot@example.com","Email":"bot@example.com","IsActive":true,"CreatedDate":"2024-01-01T00:00:00.000+0000"}]}`)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	defer server.Close()
	encoded := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	parsed, err := salesforce.ParseKey(encoded)
	if err != nil {
		t.Fatal(err)
	}
	for name, flow := range map[string]salesforce.Flow{
		"jwt":                salesforce.JWT{ClientID: "dev", Username: "bot@example.com", Key: parsed},
		"client credentials": salesforce.ClientCredentials{ClientID: "dev", ClientSecret: "dev"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := salesforce.New(salesforce.Options{LoginURL: server.URL, APIVersion: "64.0", Flow: flow})
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if id, err := c.UserID(ctx); err != nil || !strings.HasPrefix(id, "005000000000001") {
				t.Errorf("UserID: %s, %v", id, err)
			}
			if versions, err := c.Versions(ctx); err != nil || len(versions) == 0 {
				t.Errorf("Versions: %v, %v", versions, err)
			}
			if limits, err := c.Limits(ctx); err != nil || limits["DailyApiRequests"].Max != 100_000 {
				t.Errorf("Limits: %v, %v", limits, err)
			}
			task, err := c.Describe(ctx, "Task")
			if err != nil {
				t.Fatal(err)
			}
			if f, ok := task.Field("TaskSubtype"); !ok || !f.Createable || f.Updateable {
				t.Errorf("TaskSubtype: %+v", f)
			}
			if f, ok := task.Field("Aircall_Call_Id__c"); !ok || !f.ExternalID || !f.Unique || f.Length == 0 {
				t.Errorf("the external id: %+v", f)
			}

			number := "+33 6 " + name
			id, err := c.Create(ctx, "Contact", salesforce.Record{"LastName": "O'Neil", "Aircall_Number_Key__c": number}, salesforce.NoAutoAssign, salesforce.AllowDuplicates)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Create(ctx, "Contact", salesforce.Record{"LastName": "Again", "Aircall_Number_Key__c": number})
			if e := (*salesforce.Error)(nil); !errors.As(err, &e) || e.Code != "DUPLICATE_VALUE" {
				t.Errorf("the same key twice: %v", err)
			}
			if r, ok, err := c.GetByExternalID(ctx, "Contact", "Aircall_Number_Key__c", number, []string{"Id", "Name"}); !ok || err != nil || r["Id"] != id {
				t.Errorf("GetByExternalID: %v %v %v", r, ok, err)
			}
			if _, ok, err := c.GetByExternalID(ctx, "Contact", "Aircall_Number_Key__c", "none", []string{"Id"}); ok || err != nil {
				t.Errorf("GetByExternalID of nothing: %v %v", ok, err)
			}

			var rows []salesforce.Record
			for i := range 3 {
				rows = append(rows, salesforce.Record{"Aircall_Call_Id__c": fmt.Sprint(name, i), "Subject": "Call", "TaskSubtype": "Call", "WhoId": id})
			}
			rows[1]["Subject"] = strings.Repeat("x", 256)
			results, err := upsert(ctx, c, "Aircall_Call_Id__c", rows...)
			if err != nil || !results[0].Created || !results[2].Success || results[1].Success || results[1].Errors[0].StatusCode != "STRING_TOO_LONG" {
				t.Fatalf("upsert: %+v, %v", results, err)
			}
			updated, err := c.CollectionsUpdate(ctx, "Task", []salesforce.Record{{"id": results[0].ID, "Subject": "Changed", "WhoId": nil}, {"id": results[2].ID, "TaskSubtype": "Call"}})
			if err != nil || !updated[0].Success || updated[1].Success || updated[1].Errors[0].StatusCode != "INVALID_FIELD_FOR_INSERT_UPDATE" {
				t.Errorf("update: %+v, %v", updated, err)
			}

			short := "SELECT Id, Subject FROM Task WHERE Id = " + salesforce.QuoteSOQL(results[0].ID)
			long := "SELECT Id, Owner.Name FROM Contact WHERE Name IN " + salesforce.InSOQL(append(slicesOf("padding", 400), "O'Neil"))
			found, err := c.Queries(ctx, []string{short, long})
			if err != nil || len(found[0]) != 1 || found[0][0]["Subject"] != "Changed" || len(found[1]) == 0 {
				t.Fatalf("Queries: %v, %v", found, err)
			}
			alone, err := c.Query(ctx, long)
			if err != nil || len(alone) != len(found[1]) || alone[0]["Owner"].(salesforce.Record)["Name"] != "Bot" {
				t.Errorf("Query: %v, %v", alone, err)
			}
			_, err = c.Queries(ctx, []string{short, "SELECT Nothing__c FROM Task"})
			if e := (*salesforce.Error)(nil); !errors.As(err, &e) || e.Code != "INVALID_FIELD" {
				t.Errorf("a query for a field that is not there: %v", err)
			}
			if u, ok := c.Usage(); !ok || u.Used == 0 {
				t.Errorf("usage: %+v %v", u, ok)
			}
			sim.Expire()
			if _, err := c.QueryAll(ctx, short); err != nil {
				t.Errorf("after the session expired: %v", err)
			}
		})
	}
}

func slicesOf(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}
