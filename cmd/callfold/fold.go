package main

import (
	"github.com/spf13/cobra"

	"github.com/callfold/callfold/schemas"
)

func newFoldCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fold FILE...",
		Short: "Fold webhook bodies from files into call states",
		Long: `Fold webhook bodies into the state of each call, offline: one JSON object a line,
ordered by call id, in the very bytes that the topic calls holds as state.

` + inputHelp,
		Example: `  callfold fold bodies.jsonl
  callfold fold captures/*.json
  kcat -C -e -b localhost:9092 -t aircall.events | callfold fold -
  callfold simulate aircall --print --calls 20 | callfold fold -`,
		Args: atLeastOneFile,
		RunE: func(cmd *cobra.Command, files []string) error {
			return printFolded(cmd, files, func(r schemas.CallRecord) ([]byte, error) { return r.State.Encode() })
		},
	}
}
