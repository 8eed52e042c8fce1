package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/capacity"
)

// sized is what the command prints as JSON.
type sized struct {
	Input   capacity.Input    `json:"input"`
	Figures []capacity.Figure `json:"figures"`
}

func newCapacityCommand() *cobra.Command {
	var in capacity.Input
	var format *output
	cmd := &cobra.Command{
		Use:   "capacity",
		Short: "Compute what an installation needs for so many calls a day",
		Long: `Compute from the number of calls a day what an installation needs: partitions, processes,
memory, disk of the topics and of the state directories, Salesforce API requests, and how
long restores, a rebuild and a backfill take. Each figure says where it is from, and what
the weakest of its sources is: chosen, measured, documented or estimated. It is
arithmetic, and asks nobody; docs/operations/sizing.md explains it.`,
		Example: `  callfold capacity --calls-per-day 5000
  callfold capacity --calls-per-day 120000 --busy-hours 14 --retention-years 10 --licences 400
  callfold capacity --calls-per-day 5000 --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := in.Check(); err != nil {
				return usagef(cmd, "%w", err)
			}
			figures := capacity.Plan(in)
			if *format == jsonOutput {
				return printJSON(cmd.OutOrStdout(), sized{in, figures})
			}
			return printFigures(cmd.OutOrStdout(), figures)
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&in.CallsPerDay, "calls-per-day", 0, "`number` of calls a day")
	flags.Float64Var(&in.BusyHours, "busy-hours", 10, "in how many `hours` of the day they come")
	flags.Float64Var(&in.Years, "retention-years", 5, "for how many `years` of calls; none is ever deleted")
	flags.IntVar(&in.ReplicationFactor, "replication-factor", 3, "`copies` of each topic (kafka.replication_factor)")
	flags.IntVar(&in.Licences, "licences", 0, "`number` of Salesforce licences of the org")
	format = outputFlag(cmd)
	must(cmd.MarkFlagRequired("calls-per-day"))
	return cmd
}

// printFigures writes the figures by group, and below them where they are from.
func printFigures(w io.Writer, figures []capacity.Figure) error {
	var text strings.Builder
	table := textTable{tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	group := ""
	var sources []string
	for _, f := range figures {
		if f.Group != group {
			if group != "" {
				table.end()
			}
			group = f.Group
			table.row(strings.ToUpper(group), "", "BASIS", "FROM")
		}
		var from []string
		for _, s := range f.From {
			i := slices.Index(sources, s)
			if i < 0 {
				i = len(sources)
				sources = append(sources, s)
			}
			from = append(from, strconv.Itoa(i+1))
		}
		table.row(f.Name, figure(f.Value, f.Unit), string(f.Basis), strings.Join(from, " "))
	}
	table.end()
	for i, s := range sources {
		fmt.Fprintf(&text, "%2d  %s\n", i+1, s)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// figure writes a value for people, with two digits that count.
func figure(value float64, unit capacity.Unit) string {
	switch unit {
	case capacity.PerSecond:
		return rounded(value) + " a second"
	case capacity.Cores:
		return rounded(value)
	case capacity.Share:
		return rounded(value*100) + " %"
	case capacity.Bytes:
		for _, u := range []struct {
			size float64
			name string
		}{{1e12, "TB"}, {1e9, "GB"}} {
			if value >= u.size {
				return rounded(value/u.size) + " " + u.name
			}
		}
		return rounded(value/1e6) + " MB"
	case capacity.Seconds:
		switch d := time.Duration(value * float64(time.Second)); {
		case d < 2*time.Minute:
			return rounded(value) + " s"
		case d < 2*time.Hour:
			return rounded(value/60) + " min"
		case d < 48*time.Hour:
			return rounded(value/3600) + " hours"
		}
		return rounded(value/86400) + " days"
	}
	return grouped(value)
}

// rounded is a value with as many digits as are worth telling.
func rounded(value float64) string {
	switch {
	case value >= 10:
		return grouped(value)
	case value >= 1:
		return strconv.FormatFloat(value, 'f', 1, 64)
	case value >= 0.01:
		return strconv.FormatFloat(value, 'f', 2, 64)
	}
	return "less than 0.01"
}

// grouped is a whole number with commas.
func grouped(value float64) string {
	digits := strconv.FormatFloat(value, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
