package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/ko/pkg/build"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is the id of the image's user and group, the one that is called nonroot
// in other images without a distribution.
const user = 65532

// home is where the settings' defaults keep state, and where the program starts.
const home = "/var/lib/callfold"

// caFile is the first place where crypto/x509 looks for roots on Linux.
const caFile = "etc/ssl/certs/ca-certificates.crt"

// entries are all of the image but the program, which is static and has the time
// zones in it.
func entries() []entry {
	return []entry{
		{name: "etc/", mode: 0o755},
		{name: "etc/group", mode: 0o644, content: []byte("root:x:0:\ncallfold:x:65532:\n")},
		{name: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/nologin\ncallfold:x:65532:65532:callfold:" + home + ":/nologin\n")},
		{name: "etc/ssl/", mode: 0o755},
		{name: "etc/ssl/certs/", mode: 0o755},
		{name: caFile, mode: 0o644, content: roots()},
		{name: "tmp/", mode: 0o1777},
		{name: "var/", mode: 0o755},
		{name: "var/lib/", mode: 0o755},
		// A named volume of Docker takes the owner of the directory that it covers.
		{name: "var/lib/callfold/", mode: 0o755, owner: user},
	}
}

// roots are Mozilla's root certificates in PEM. Those left out are on their way
// out there: they vouch only for certificates of before a day, which PEM cannot say.
func roots() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes all
		}
	}
	return out.Bytes()
}

// baseLayer is the layer of entries. It says no times, so that it is the same for
// ever.
func baseLayer() (v1.Layer, error) {
	var out bytes.Buffer
	if err := pack(&out, entries(), time.Time{}); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(out.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

// base makes what ko puts the program on: an image with the base layer for each
// platform. No registry is asked.
func base(platforms []v1.Platform, created v1.Time) (build.GetBase, error) {
	layer, err := baseLayer()
	if err != nil {
		return nil, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range platforms {
		image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		if image, err = mutate.ConfigFile(image, &v1.ConfigFile{
			OS: platform.OS, Architecture: platform.Architecture, Created: created,
			Config: v1.Config{WorkingDir: home},
			RootFS: v1.RootFS{Type: "layers"},
		}); err != nil {
			return nil, err
		}
		if image, err = mutate.Append(image, mutate.Addendum{
			Layer: layer, MediaType: types.OCILayer,
			History: v1.History{Created: created, CreatedBy: "tools/release", Comment: "root certificates, user, /tmp and " + home},
		}); err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &platform}})
	}
	ref, err := name.ParseReference("scratch")
	if err != nil {
		return nil, err
	}
	return func(context.Context, string) (name.Reference, build.Result, error) { return ref, index, nil }, nil
}
