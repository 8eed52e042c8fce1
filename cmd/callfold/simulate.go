package main

import "github.com/spf13/cobra"

func newSimulateCommand() *cobra.Command {
	return newGroup("simulate", "Simulate Salesforce, or Aircall's traffic",
		`  callfold simulate salesforce
  callfold simulate aircall --url http://127.0.0.1:8080/webhooks/aircall --token dev-token`,
		newSimulateAircallCommand(), newSimulateSalesforceCommand())
}
