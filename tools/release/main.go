// Command release makes what is released of callfold: the container image, and
// archives for those who want none.
//
//	release image [-dir REPOSITORY] [-out DIRECTORY] [-push IMAGE:TAG]
//	release archives [-dir REPOSITORY] [-out DIRECTORY]
//
// The image is built without a container engine and without a base image: the static
// program, root certificates, a user that is not root, and nothing else. ko builds the
// program and its SBOM. DIRECTORY gets oci (an OCI image layout of all platforms),
// image.tar (the same as one file) and sbom (SPDX in JSON, one for each platform and one
// for the index); the digest goes to standard output. With -push the image and its SBOMs
// are also pushed, with the sign-in of `docker login`, and its name is printed.
//
// An archive has the program, the license, the readme, the changelog and files for the
// completion of shells; beside them are the chart and SHA256SUMS, which is also printed.
//
// The same commit, built by the same version of Go, gives the same bytes anywhere.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	printed, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Println(strings.TrimSpace(printed))
}

// run does what the arguments say and returns what to print.
func run(ctx context.Context, args []string) (string, error) {
	if len(args) == 0 || args[0] != "image" && args[0] != "archives" {
		return "", fmt.Errorf("%q is none of image, archives", args)
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	dir := flags.String("dir", "../..", "root of the `repository`, a git clone")
	out := flags.String("out", "../../bin/"+args[0], "`directory` to write to; what is there is replaced")
	if args[0] == "archives" {
		_ = flags.Parse(args[1:]) // it exits
		return archives(ctx, *dir, *out, archivePlatforms)
	}
	push := flags.String("push", "", "also push it as `IMAGE:TAG`")
	_ = flags.Parse(args[1:]) // it exits
	return image(ctx, *dir, *out, *push)
}
