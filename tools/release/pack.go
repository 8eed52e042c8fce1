package main

import (
	"archive/tar"
	"io"
	"time"
)

// entry is a file of an archive; one without content is a directory.
type entry struct {
	name    string
	mode    int64
	owner   int
	content []byte
}

// pack writes a tar archive. It has nothing of the machine in it, and so the same
// entries are the same bytes.
func pack(out io.Writer, entries []entry, at time.Time) error {
	w := tar.NewWriter(out)
	for _, e := range entries {
		header := &tar.Header{
			Name: e.name, Mode: e.mode, Uid: e.owner, Gid: e.owner, Size: int64(len(e.content)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
		}
		if e.content == nil {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(e.content); err != nil {
			return err
		}
	}
	return w.Close()
}
