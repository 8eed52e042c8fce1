// Package soql parses the part of Salesforce's Object Query Language that the
// simulator answers: one object, its fields and its parents' fields, WHERE,
// ORDER BY, LIMIT, OFFSET, COUNT() and semi-joins.
//
// The grammar follows "SOQL and SOSL Reference" (Salesforce developer guide),
// sections "SOQL SELECT Syntax", "conditionExpression", "fieldExpression" and
// "Date Formats and Date Literals". It is as strict as the original: AND and OR
// never mix without parentheses, NOT stands alone in its group, date-times carry
// a zone, and an escape that the reference does not list is refused.
//
// The package knows nothing of objects and their fields: whether a name exists
// and a value fits is the caller's business. Positions are byte offsets into the
// query, so that the caller can raise its own errors with [Error].
package soql
