package main

import (
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// output is the value of the flag --output: text or json.
type output string

const (
	textOutput output = "text"
	jsonOutput output = "json"
)

// String is the value; it makes output a pflag.Value.
func (o *output) String() string { return string(*o) }

// Type is what the help calls the value.
func (o *output) Type() string { return "format" }

// Set takes the value from the command line.
func (o *output) Set(value string) error {
	switch output(value) {
	case textOutput, jsonOutput:
		*o = output(value)
		return nil
	}
	return fmt.Errorf("must be text or json")
}

// outputFlag adds --output to a command that prints data.
func outputFlag(cmd *cobra.Command) *output {
	o := textOutput
	cmd.Flags().Var(&o, "output", "`format` of what is printed: text or json")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]cobra.Completion{string(textOutput), string(jsonOutput)}, cobra.ShellCompDirectiveNoFileComp)))
	return &o
}

// printJSON writes v as indented JSON and a line end.
func printJSON(w io.Writer, v any) error {
	if err := json.MarshalWrite(w, v, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}

func callCount(n int) string { return count(n, "call") }

func recordCount(n int) string { return count(n, "record") }

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
