// What a stock Salesforce client does with the simulator, step by step. Each
// step signs in by itself, asserts, and exits with 1 when something is not as a
// real org would have it.
//
//   node salesforce.mjs STEP URL [ARGUMENT]
//
//   client            creates, reads, changes, upserts and deletes records
//   bulk              loads 2,500 records by Bulk API 2.0 and reads them page by page, by query job and by search
//   contact PHONE     creates the contact Marie Example with this number
//   task CALL-ID      wants exactly one Task of this call, on Marie Example
import assert from 'node:assert/strict'
import jsforce from 'jsforce'

const [step, url, argument] = process.argv.slice(2)
const steps = { client, bulk, contact, task }
assert(steps[step] && url, `usage: node salesforce.mjs ${Object.keys(steps).join('|')} URL [ARGUMENT]`)

await steps[step](await signIn(), argument)
console.log(`ok  ${step}`)

async function signIn() {
  const conn = new jsforce.Connection({
    instanceUrl: url,
    version: '64.0',
    oauth2: { loginUrl: url, clientId: 'dev', clientSecret: 'dev' },
  })
  await conn.authorize({ grant_type: 'client_credentials' })
  assert(conn.accessToken, 'no access token')
  assert.equal(conn.instanceUrl, url)
  return conn
}

async function client(conn) {
  // Somebody without a session, or with a wrong secret, gets nowhere.
  const stranger = new jsforce.Connection({ instanceUrl: url, version: '64.0', accessToken: 'wrong' })
  await refused(() => stranger.query('SELECT Id FROM Task'), 'INVALID_SESSION_ID')
  const liar = new jsforce.Connection({ oauth2: { loginUrl: url, clientId: 'dev', clientSecret: 'wrong' } })
  await refused(() => liar.authorize({ grant_type: 'client_credentials' }), 'invalid_client')

  // Create and read back.
  const made = await conn.sobject('Contact').create({ FirstName: 'Zoé', LastName: "O'Hara", Phone: '(415) 555-0142' })
  assert.equal(made.success, true)
  assert.match(made.id, /^003[0-9A-Za-z]{15}$/)
  const contact = await conn.sobject('Contact').retrieve(made.id)
  assert.equal(contact.Name, "Zoé O'Hara")
  assert.equal(contact.Phone, '(415) 555-0142')
  const found = await conn.sobject('Contact').findOne({ LastName: "O'Hara" }, ['Id', 'Name', 'Owner.Name'])
  assert.equal(found.Id, made.id)
  assert(found.Owner.Name, 'the contact has no owner')

  // Change and delete.
  await conn.sobject('Contact').update({ Id: made.id, Phone: null })
  assert.equal((await conn.sobject('Contact').retrieve(made.id)).Phone, null)
  await refused(() => conn.sobject('Contact').create({ FirstName: 'Nameless' }), 'REQUIRED_FIELD_MISSING')
  await refused(() => conn.sobject('Contact').create({ LastName: 'X', Shoe_Size__c: 43 }), 'INVALID_FIELD')

  // One Task, upserted twice by its external id.
  const key = 'client-1'
  const first = await conn.sobject('Task').upsert(
    { Aircall_Call_Id__c: key, Subject: 'First', Status: 'Completed', TaskSubtype: 'Call', WhoId: made.id }, 'Aircall_Call_Id__c')
  assert.equal(first.success, true)
  assert.equal(first.created, true)
  const second = await conn.sobject('Task').upsert({ Aircall_Call_Id__c: key, Subject: 'Second' }, 'Aircall_Call_Id__c')
  assert.equal(second.success, true)
  assert.equal(second.created, false)
  assert.equal(second.id, first.id)
  const tasks = await conn.query(
    `SELECT Id, Subject, TaskSubtype, Who.Name FROM Task WHERE Aircall_Call_Id__c = '${key}' ORDER BY CreatedDate DESC LIMIT 10`)
  assert.equal(tasks.totalSize, 1)
  assert.equal(tasks.done, true)
  assert.equal(tasks.records[0].Subject, 'Second')
  assert.equal(tasks.records[0].TaskSubtype, 'Call')
  assert.equal(tasks.records[0].Who.Name, "Zoé O'Hara")

  // 250 of them, which is more than one request holds and more than one page of
  // 200, with one bad row that must fail alone.
  const many = Array.from({ length: 250 }, (_, i) => ({ Aircall_Call_Id__c: `client-many-${i}`, Subject: `Task ${i}`, Status: 'Completed' }))
  many[123].Status = 'No such status'
  const rows = await conn.sobject('Task').upsert(many, 'Aircall_Call_Id__c', { allowRecursive: true })
  assert.equal(rows.length, 250)
  assert.equal(rows.filter((row) => row.success && row.created).length, 249)
  assert.equal(rows[123].success, false)
  assert.equal(rows[123].errors[0].statusCode, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST')
  const page = await conn.query("SELECT Id FROM Task WHERE Aircall_Call_Id__c LIKE 'client-many-%'", { headers: { 'Sforce-Query-Options': 'batchSize=200' } })
  assert.equal(page.totalSize, 249)
  assert.equal(page.records.length, 200)
  assert.equal(page.done, false)
  assert.equal((await conn.queryMore(page.nextRecordsUrl)).records.length, 49)

  // What the org says about itself.
  const described = await conn.sobject('Task').describe()
  const subtype = described.fields.find((field) => field.name === 'TaskSubtype')
  assert.deepEqual([subtype.createable, subtype.updateable], [true, false])
  assert(described.fields.find((field) => field.name === 'Aircall_Call_Id__c').externalId)
  const limits = await conn.limits()
  assert(limits.DailyApiRequests.Remaining < limits.DailyApiRequests.Max)
  assert(conn.limitInfo.apiUsage.used > 0, 'no Sforce-Limit-Info')

  // Leave nothing behind.
  const ids = (await conn.query("SELECT Id FROM Task WHERE Aircall_Call_Id__c LIKE 'client-%'")).records.map((record) => record.Id)
  assert.equal(ids.length, 250)
  const gone = await conn.sobject('Task').destroy(ids, { allowRecursive: true })
  assert(gone.every((row) => row.success))
  await conn.sobject('Contact').destroy(made.id)
  await refused(() => conn.sobject('Contact').retrieve(made.id), 'ENTITY_IS_DELETED', 'NOT_FOUND')
}

async function bulk(conn) {
  // Upsert by Bulk API 2.0: one of the records exists, one has a field that is not taken.
  conn.bulk2.pollInterval = 100
  await conn.sobject('Task').create({ Aircall_Call_Id__c: 'bulk-7', Subject: 'Before', Description: 'Stays' })
  const rows = Array.from({ length: 2500 }, (_, i) => ({
    Aircall_Call_Id__c: `bulk-${i}`, Subject: `Task "${i}", größer`, CallType: 'Inbound', CallDurationInSeconds: i, Description: '',
  }))
  rows[123].CallType = 'Sideways'
  const { successfulResults, failedResults, unprocessedRecords } = await conn.bulk2.loadAndWaitForResults({
    object: 'Task', operation: 'upsert', externalIdFieldName: 'Aircall_Call_Id__c', input: rows, pollTimeout: 60_000,
  })
  assert.deepEqual([successfulResults.length, failedResults.length, unprocessedRecords.length], [2499, 1, 0])
  assert.equal(successfulResults.filter((row) => row.sf__Created === 'true').length, 2498)
  assert(successfulResults.every((row) => /^00T/.test(row.sf__Id)))
  assert.equal(failedResults[0].Aircall_Call_Id__c, 'bulk-123')
  assert.match(failedResults[0].sf__Error, /^INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:/)
  const kept = await conn.sobject('Task').findOne({ Aircall_Call_Id__c: 'bulk-7' }, ['Subject', 'Description', 'CallDurationInSeconds'])
  assert.deepEqual([kept.Subject, kept.Description, kept.CallDurationInSeconds], ['Task "7", größer', 'Stays', 7])

  // A job that cannot succeed says why.
  await assert.rejects(
    conn.bulk2.loadAndWaitForResults({ object: 'Task', operation: 'insert', input: [{ Subject: 'x', Shoe_Size__c: '43' }] }),
    /Field name not found : Shoe_Size__c/)

  // All of them again: page by page, and by a query job.
  const soql = "SELECT Id, Subject, CreatedBy.Name FROM Task WHERE Aircall_Call_Id__c LIKE 'bulk-%'"
  const paged = await conn.query(soql, { autoFetch: true, maxFetch: 10_000 })
  assert.equal(paged.totalSize, 2499)
  assert.equal(new Set(paged.records.map((record) => record.Id)).size, 2499)
  const stream = await conn.bulk2.query(soql, { pollInterval: 100, pollTimeout: 60_000 })
  const records = await stream.toArray()
  assert.equal(records.length, 2499)
  assert(records.every((record) => record.Subject && record['CreatedBy.Name']))

  // A search finds by telephone number when its index has caught up.
  const made = await conn.sobject('Contact').create({ LastName: 'Found', Phone: '(415) 555-0143' })
  const deadline = Date.now() + 60_000
  let found = []
  while (found.length === 0 && Date.now() < deadline) {
    found = (await conn.search('FIND {4155550143} IN PHONE FIELDS RETURNING Contact(Id, Phone)')).searchRecords
    if (found.length === 0) await new Promise((resolve) => setTimeout(resolve, 200))
  }
  assert.equal(found[0]?.Id, made.id)

  // Leave nothing behind.
  const gone = await conn.bulk2.loadAndWaitForResults({
    object: 'Task', operation: 'delete', input: paged.records.map(({ Id }) => ({ Id })), pollTimeout: 60_000,
  })
  assert.equal(gone.successfulResults.length, 2499)
  await conn.sobject('Contact').destroy(made.id)
}

async function contact(conn, phone) {
  const made = await conn.sobject('Contact').create({ FirstName: 'Marie', LastName: 'Example', Phone: phone })
  assert.equal(made.success, true)
}

async function task(conn, call) {
  const { records } = await conn.query(
    `SELECT Subject, Status, TaskSubtype, CallDurationInSeconds, Who.Name FROM Task WHERE Aircall_Call_Id__c = '${call}'`)
  assert.equal(records.length, 1, `${records.length} Tasks of call ${call}`)
  const [found] = records
  assert.equal(found.Subject, 'Inbound call from Marie Example on Paris Example')
  assert.equal(found.Status, 'Completed')
  assert.equal(found.TaskSubtype, 'Call')
  assert.equal(found.CallDurationInSeconds, 25)
  assert.equal(found.Who.Name, 'Marie Example')
}

// refused wants the request to fail with one of these codes.
async function refused(request, ...codes) {
  await assert.rejects(request, (error) => {
    const code = error.errorCode ?? error.name
    assert(codes.includes(code), `refused with ${code} (${error.message}), want ${codes.join(' or ')}`)
    return true
  })
}
