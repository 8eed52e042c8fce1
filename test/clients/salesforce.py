"""What simple-salesforce does with the simulator. It asserts, and exits with 1
when something is not as a real org would have it.

    python salesforce.py URL
"""

import sys
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)


class Simulator(HTTPAdapter):
    """Sends every request to the simulator: the library knows only https, and
    signs in only at a host below salesforce.com."""

    def __init__(self, url):
        super().__init__()
        self.target = urlsplit(url)

    def send(self, request, **options):
        parts = urlsplit(request.url)
        request.url = urlunsplit((self.target.scheme, self.target.netloc, *parts[2:]))
        return super().send(request, **options)


def sign_in(url, secret="dev"):
    session = requests.Session()
    session.mount("https://", Simulator(url))
    return Salesforce(
        domain="example.my",
        consumer_key="dev",
        consumer_secret=secret,
        version="64.0",
        session=session,
    )


def refused(error, code, request):
    try:
        request()
    except error as refusal:
        assert code in str(refusal), f"refused with {refusal}, want {code}"
        return
    raise AssertionError(f"not refused with {code}")


def records(sf):
    """Create, read, change and delete."""
    made = sf.Contact.create({"FirstName": "Zoé", "LastName": "O'Hara", "Phone": "(415) 555-0144"})
    assert made["success"] and made["id"].startswith("003") and len(made["id"]) == 18, made
    contact = sf.Contact.get(made["id"])
    assert contact["Name"] == "Zoé O'Hara" and contact["Phone"] == "(415) 555-0144", contact
    assert sf.Contact.update(made["id"], {"Phone": None}) == 204
    assert sf.Contact.get(made["id"])["Phone"] is None
    refused(SalesforceMalformedRequest, "REQUIRED_FIELD_MISSING", lambda: sf.Contact.create({"FirstName": "Nameless"}))
    refused(SalesforceMalformedRequest, "INVALID_FIELD", lambda: sf.query("SELECT Shoe_Size__c FROM Contact"))
    assert sf.Contact.delete(made["id"]) == 204
    refused(SalesforceResourceNotFound, "ENTITY_IS_DELETED", lambda: sf.Contact.get(made["id"]))


def upsert(sf):
    """One Task by its external id, twice."""
    path = "Aircall_Call_Id__c/simple-1%2F2"
    assert sf.Task.upsert(path, {"Subject": "First", "TaskSubtype": "Call"}) == 201
    assert sf.Task.upsert(path, {"Subject": "Second"}) == 200
    task = sf.Task.get_by_custom_id("Aircall_Call_Id__c", "simple-1/2")
    assert task["Subject"] == "Second" and task["TaskSubtype"] == "Call", task
    refused(SalesforceMalformedRequest, "INVALID_FIELD_FOR_INSERT_UPDATE",
            lambda: sf.Task.update(task["Id"], {"TaskSubtype": "Task"}))
    assert sf.Task.delete(task["Id"]) == 204


def collections(sf):
    """The library has no method for collections; restful is its way to them."""
    rows = [{"attributes": {"type": "Task"}, "Aircall_Call_Id__c": f"simple-c{i}", "Subject": "c"} for i in range(3)]
    rows[1]["CallType"] = "Sideways"
    answer = sf.restful("composite/sobjects/Task/Aircall_Call_Id__c", method="PATCH", json={"allOrNone": False, "records": rows})
    assert [row["success"] for row in answer] == [True, False, True], answer
    assert answer[1]["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", answer
    ids = ",".join(row["id"] for row in answer if row["success"])
    gone = sf.restful("composite/sobjects", method="DELETE", params={"ids": ids, "allOrNone": "true"})
    assert all(row["success"] for row in gone), gone


def bulk(sf):
    """Bulk API 2.0, and its records by pages of a query and by a query job."""
    rows = [{"Aircall_Call_Id__c": f"simple-{i}", "Subject": f'Task "{i}", größer', "CallType": "Outbound"} for i in range(2500)]
    rows[123]["CallType"] = "Sideways"
    (job,) = sf.bulk2.Task.upsert(records=rows, external_id_field="Aircall_Call_Id__c", wait=0.1)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2500, 1), job
    failed = sf.bulk2.Task.get_failed_records(job["job_id"])
    assert "simple-123" in failed and "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:" in failed, failed
    assert len(sf.bulk2.Task.get_successful_records(job["job_id"]).splitlines()) == 2500
    assert len(sf.bulk2.Task.get_unprocessed_records(job["job_id"]).splitlines()) <= 1

    soql = "SELECT Id, Subject FROM Task WHERE Aircall_Call_Id__c LIKE 'simple-%'"
    first = sf.query(soql)
    assert (first["totalSize"], first["done"], len(first["records"])) == (2499, False, 2000), first["totalSize"]
    found = sf.query_all(soql)["records"]
    assert len({record["Id"] for record in found}) == 2499
    pages = list(sf.bulk2.Task.query(soql, max_records=1000, wait=0.1))
    assert [len(page.splitlines()) - 1 for page in pages] == [1000, 1000, 499], [len(page) for page in pages]

    (job,) = sf.bulk2.Task.delete(records=[{"Id": record["Id"]} for record in found], wait=0.1)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2499, 0), job


def org(sf):
    """What the org says of itself."""
    described = sf.Task.describe()
    (subtype,) = [field for field in described["fields"] if field["name"] == "TaskSubtype"]
    assert (subtype["createable"], subtype["updateable"]) == (True, False), subtype
    limit = sf.limits()["DailyApiRequests"]
    assert limit["Remaining"] < limit["Max"], limit
    assert sf.api_usage["api-usage"].used > 0, sf.api_usage


def main(url):
    refused(SalesforceAuthenticationFailed, "invalid_client", lambda: sign_in(url, secret="wrong"))
    sf = sign_in(url)
    for step in (records, upsert, collections, bulk, org):
        step(sf)
        print(f"ok  {step.__name__}")


if __name__ == "__main__":
    main(sys.argv[1])
