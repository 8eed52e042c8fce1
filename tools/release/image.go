package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/ko/pkg/build"
	"github.com/google/ko/pkg/publish"
)

// program is the import path of what goes into the image, as /ko-app/callfold.
const program = "github.com/callfold/callfold/cmd/callfold"

// localName is what the image is called on a machine that loads image.tar.
const localName = "callfold:local"

// imagePlatforms are those that the image is built for.
var imagePlatforms = []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}

// image builds the image of the repository in dir, writes it to the directory out and,
// if asked, pushes it. It returns what to print: the digest, or what was pushed.
func image(ctx context.Context, dir, out, push string) (string, error) {
	var tag name.Tag
	if push != "" {
		var err error
		if tag, err = name.NewTag(push, name.StrictValidation); err != nil {
			return "", fmt.Errorf("reading -push: %w", err)
		}
	}
	if err := os.RemoveAll(out); err != nil {
		return "", err
	}
	result, err := buildImage(ctx, dir, filepath.Join(out, "sbom"))
	if err != nil {
		return "", fmt.Errorf("building the image: %w", err)
	}
	oci := filepath.Join(out, "oci")
	if err := writeLayout(oci, result); err != nil {
		return "", fmt.Errorf("writing %s: %w", oci, err)
	}
	if err := packLayout(oci, filepath.Join(out, "image.tar")); err != nil {
		return "", fmt.Errorf("writing image.tar: %w", err)
	}
	if push == "" {
		digest, err := result.Digest()
		return digest.String(), err
	}
	publisher, err := publish.NewDefault(tag.Context().Name(), publish.WithTags([]string{tag.TagStr()}), publish.WithNamer(func(base, _ string) string { return base }))
	if err != nil {
		return "", err
	}
	ref, err := publisher.Publish(ctx, result, program)
	if err != nil {
		return "", fmt.Errorf("pushing: %w", err)
	}
	return ref.String(), nil
}

// writeLayout writes an image as an OCI image layout, under the name localName.
func writeLayout(dir string, result build.Result) error {
	index, ok := result.(v1.ImageIndex)
	if !ok {
		return fmt.Errorf("ko built a %T and no index", result)
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return path.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          "docker.io/library/" + localName,
		"org.opencontainers.image.ref.name": "local",
	}))
}

// buildImage builds the program of the repository in dir for all platforms.
func buildImage(ctx context.Context, dir, sboms string) (build.Result, error) {
	source, err := look(ctx, dir)
	if err != nil {
		return nil, err
	}
	created := v1.Time{Time: source.time}
	from, err := base(imagePlatforms, created)
	if err != nil {
		return nil, fmt.Errorf("making the base layer: %w", err)
	}
	options := []build.Option{
		build.WithBaseImages(from),
		build.WithPlatforms("all"),
		build.WithCreationTime(created),
		build.WithKoDataCreationTime(created),
		build.WithTrimpath(true),
		// `callfold version` reads what git and this put into the program, whatever GOFLAGS says.
		build.WithDefaultFlags([]string{"-buildvcs=true"}),
		build.WithDefaultEnv([]string{"CGO_ENABLED=0"}),
		build.WithUser(strconv.Itoa(user) + ":" + strconv.Itoa(user)), // Kubernetes' runAsNonRoot wants a number
		build.WithSPDX(source.version),
		build.WithSBOMDir(sboms),
		build.WithJobs(1), // each is a `go build`, which uses all cores
	}
	for key, value := range map[string]string{
		"title":         "callfold",
		"description":   "Aircall calls into Salesforce Tasks, through Kafka",
		"source":        "https://github.com/callfold/callfold",
		"documentation": "https://github.com/callfold/callfold/tree/main/docs",
		"licenses":      "Apache-2.0",
		"revision":      source.revision,
		"version":       source.version,
		"created":       source.time.Format(time.RFC3339),
	} {
		key = "org.opencontainers.image." + key
		options = append(options, build.WithLabel(key, value), build.WithAnnotation(key, value))
	}
	builder, err := build.NewGo(ctx, dir, options...)
	if err != nil {
		return nil, err
	}
	ref, err := builder.QualifyImport(program)
	if err != nil {
		return nil, err
	}
	return builder.Build(ctx, ref)
}

// packLayout makes one file of an image layout.
func packLayout(dir, file string) error {
	var entries []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		entries = append(entries, entry{name: filepath.ToSlash(name), mode: 0o644, content: content})
		return err
	})
	if err != nil {
		return err
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pack(out, entries, time.Time{}), out.Close())
}
