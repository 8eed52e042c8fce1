package main

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"github.com/callfold/callfold/internal/observe"
	"github.com/callfold/callfold/internal/sfsim"
	"github.com/callfold/callfold/internal/traffic"
)

// simulateSalesforce are the flags of the command.
type simulateSalesforce struct {
	listen, data, org      string
	clientID, clientSecret string
	jwtCerts               []string
}

func newSimulateSalesforceCommand() *cobra.Command {
	var o simulateSalesforce
	cmd := &cobra.Command{
		Use:   "salesforce",
		Short: "Run the Salesforce simulator alone",
		Long: `Run an HTTP server that speaks Salesforce's REST API and refuses what Salesforce
refuses, until a signal ends it; docs/simulator.md tells what it knows. Any Salesforce
client can connect, with client credentials or, for keys given by --jwt-cert, by the
JWT bearer flow.

Without --data the org is in memory and ends with the process. With it every write is
on disk before it is answered, and --org counts only while there is nothing yet. It
knows no rights and no passwords: do not put it on a network.`,
		Example: `  callfold simulate salesforce
  callfold simulate salesforce --data ./org --org my-org.json
  callfold simulate salesforce --listen 127.0.0.1:9081 --jwt-cert server.crt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8081", "`address` of the simulator")
	flags.StringVar(&o.data, "data", "", "`directory` that keeps the org; none: in memory")
	flags.StringVar(&o.org, "org", "sample", "what a new org is filled with: sample, empty or a `file`")
	flags.StringVar(&o.clientID, "client-id", "dev", "`id` of the client, the consumer key of JWTs too")
	flags.StringVar(&o.clientSecret, "client-secret", "dev", "the client's `secret`")
	flags.StringArrayVar(&o.jwtCerts, "jwt-cert", nil, "`file` with a certificate or public key (PEM, RSA) that signs JWTs; can be repeated")
	must(cmd.MarkFlagDirname("data"))
	must(cmd.MarkFlagFilename("org", "json"))
	return cmd
}

func (o *simulateSalesforce) run(cmd *cobra.Command) (err error) {
	keys, err := o.keys(cmd)
	if err != nil {
		return err
	}
	records, err := orgRecords(cmd, o.org)
	if err != nil {
		return err
	}
	// The address first: one that is taken is the commonest trouble.
	listener, err := observe.Listen(cmd.Context(), o.listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close() // for the returns before it is served
	org, err := sfsim.New(sfsim.Options{
		Dir: o.data, ClientID: o.clientID, ClientSecret: o.clientSecret, JWTKeys: keys, Logger: plainLogger(cmd),
	})
	if errors.Is(err, syscall.EAGAIN) { // the lock on the directory
		return fmt.Errorf("another process has its org in %s; stop that one or choose another directory with --data: %w", o.data, err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, org.Close()) }()
	if err := org.LoadIfEmpty(records); err != nil {
		return usagef(cmd, "--org %s: %w", o.org, err)
	}
	if err := o.greet(cmd.OutOrStdout(), "http://"+listener.Addr().String(), len(keys) > 0); err != nil {
		return err
	}
	return observe.Serve(cmd.Context(), &http.Server{Handler: org, ReadHeaderTimeout: 5 * time.Second}, listener)
}

// orgRecords are the records that --org stands for; none for empty.
func orgRecords(cmd *cobra.Command, org string) ([]byte, error) {
	switch org {
	case "empty":
		return nil, nil
	case "sample":
		return traffic.SampleOrg(), nil
	}
	records, err := os.ReadFile(org)
	if err != nil {
		return nil, usagef(cmd, "--org is sample, empty or a file, and %s cannot be read: %w", org, withoutPath(err))
	}
	return records, nil
}

// keys are the public keys of --jwt-cert.
func (o *simulateSalesforce) keys(cmd *cobra.Command) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	for _, path := range o.jwtCerts {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, usagef(cmd, "--jwt-cert %s cannot be read: %w", path, withoutPath(err))
		}
		key, err := jwt.ParseRSAPublicKeyFromPEM(text)
		if err != nil {
			return nil, usagef(cmd, "--jwt-cert %s holds no certificate or public key (PEM, RSA): %w", path, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// greet tells where the simulator is and how to sign in. A secret that the user
// chose is not repeated.
func (o *simulateSalesforce) greet(w io.Writer, url string, jwt bool) error {
	kept := "in memory, gone when it stops (--data keeps it)"
	if o.data != "" {
		kept = "in " + o.data
	}
	secret := o.clientSecret
	if secret != "dev" {
		secret = "…"
	}
	flows := "client credentials"
	if jwt {
		flows += ", or JWT bearer with a key of --jwt-cert"
	}
	_, err := fmt.Fprintf(w, `Salesforce simulator at %[1]s; Ctrl-C stops it.

  org       %[2]s
  sign in   %[3]s
            curl %[1]s/services/oauth2/token -d grant_type=client_credentials -d client_id=%[4]s -d client_secret=%[5]s
  sink      salesforce: {login_url: "%[1]s", auth: {flow: client_credentials, client_id: %[4]s, client_secret_file: …}}
`, url, kept, flows, o.clientID, secret)
	if err != nil {
		return fmt.Errorf("printing where the simulator is: %w", err)
	}
	return nil
}
