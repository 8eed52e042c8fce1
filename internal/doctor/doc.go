// Package doctor looks at everything that callfold needs of others, and says of
// each thing whether it is right, and if not how to mend it: the Kafka cluster
// and its topics, the Salesforce org and what the integration user may do there,
// and, where there is an API key, Aircall's webhook.
//
// It writes nothing anywhere. What cannot be asked is a finding like any other
// and does not stop the rest; what cannot be known is an advice, never ok. Every
// request has a deadline. No finding holds a secret, a webhook's URL (people put
// secrets there) or a phone number.
package doctor
