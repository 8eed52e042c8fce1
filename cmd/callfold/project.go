package main

import (
	"fmt"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/settings"
	"github.com/callfold/callfold/projector"
	"github.com/callfold/callfold/schemas"
)

func newProjectCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "project FILE...",
		Short: "Show the Tasks that webhook bodies from files become, and why",
		Long: `Fold webhook bodies and show the Task that each call becomes, with the reason of each
field: one JSON object a line, ordered by call id. Offline; nothing is written.

decision is log, wait (not yet time) or skip, with the rule and why. task has
Salesforce's API names: a field that a rule leaves out is absent, an empty one null;
reasons explains both. Of the settings only tasks, match and owner matter, and no
secret has to be there. --org gives the Salesforce records to match against; without
it nothing matches. Records are not created here, whatever match.create says.

The clock matters in one case only: with tasks.log_at: ended, a call without its
call.ended waits until ten minutes after its hang-up (L8).

` + inputHelp,
		Example: `  callfold project bodies.jsonl
  callfold project --org org.json --config callfold.yaml captures/*.json
  callfold simulate aircall --print --calls 20 | callfold project -`,
		Args: atLeastOneFile,
	}
	orgFile := cmd.Flags().String("org", "", "Salesforce records to match against, a `file` of JSON")
	must(cmd.MarkFlagFilename("org", "json"))
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		s, err := g.load(settings.Offline)
		if err != nil {
			return err
		}
		rules, err := projector.New(s.Settings)
		if err != nil {
			return err
		}
		org, err := readOrg(cmd, *orgFile)
		if err != nil {
			return err
		}
		now := time.Now()
		return printFolded(cmd, files, func(r schemas.CallRecord) ([]byte, error) {
			line, err := json.Marshal(rules.Project(r, org, now), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
			if err != nil {
				return nil, fmt.Errorf("encoding the Task of the call %d: %w", r.State.ID, err)
			}
			return line, nil
		})
	}
	return cmd
}

// readOrg reads the file of --org; without one the org is empty.
func readOrg(cmd *cobra.Command, path string) (*projector.OrgFile, error) {
	if path == "" {
		return projector.ParseOrg([]byte("{}"))
	}
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, usagef(cmd, "--org %s cannot be read: %w", path, withoutPath(err))
	}
	org, err := projector.ParseOrg(body)
	if err != nil {
		return nil, usagef(cmd, "--org %s: %w", path, err)
	}
	return org, nil
}
