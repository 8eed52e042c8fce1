package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// transactionVersion is the version of Kafka's transactions in which a record of
// a transaction that timed out cannot end up in the next one (KIP-890). Clusters
// made with 4.0 or later have it.
const transactionVersion = 2

// transactionsWithin is how long brokers have to tell of it. All are asked, and one that
// is silent must leave the caller time for its other questions.
const transactionsWithin = 3 * time.Second

// CheckTransactions asks the cluster which version of transactions it works
// with. An older one is an advice: exactly-once then has a rare gap that the
// engine cannot notice. The error is for when no broker has answered within 3 s.
func CheckTransactions(ctx context.Context, adm *kadm.Client) (Finding, error) {
	f := Finding{What: "transaction.version", Wanted: strconv.Itoa(transactionVersion)}
	ctx, cancel := context.WithTimeout(ctx, transactionsWithin)
	defer cancel()
	versions, err := adm.ApiVersions(ctx)
	if err != nil {
		return f, fmt.Errorf("asking for the version of transactions: %w", err)
	}
	answered := false
	level, epoch := int16(0), int64(-2)
	for _, v := range versions {
		if v.Err != nil {
			err = v.Err
			continue
		}
		answered = true
		// The broker with the newest epoch knows best.
		if raw := v.Raw(); raw.FinalizedFeaturesEpoch > epoch {
			level, epoch = 0, raw.FinalizedFeaturesEpoch
			for _, feature := range raw.FinalizedFeatures {
				if feature.Name == f.What {
					level = feature.MaxVersionLevel
				}
			}
		}
	}
	if !answered {
		return f, fmt.Errorf("asking for the version of transactions: %w", err)
	}
	f.Found, f.OK = strconv.Itoa(int(level)), level >= transactionVersion
	if !f.OK {
		f.Severity = Advice
		f.Why = "a late record of a transaction that was given up may end up in the next one, so that exactly-once has a gap"
		f.Mend = "upgrade the brokers to 4.0 or later, then: kafka-features upgrade --feature transaction.version=2"
	}
	return f, nil
}
