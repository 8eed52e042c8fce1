package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestLedger: what many writers added at once is read back, each body at its place.
func TestLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := createLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 50
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				body := bytes.Repeat([]byte{byte('a' + w)}, i+1)
				if err := l.add(body); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := l.count(); got != writers*each {
		t.Errorf("%d bodies counted, want %d", got, writers*each)
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := map[string]int{}
	if err := readLedger(path, func(at int64, body []byte) error {
		again, err := bodyAt(file, at)
		if err != nil || !bytes.Equal(again, body) {
			return fmt.Errorf("at %d there is %q, then %q: %w", at, body, again, err)
		}
		got[string(body)]++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for w := range writers {
		for i := range each {
			if n := got[string(bytes.Repeat([]byte{byte('a' + w)}, i+1))]; n != 1 {
				t.Errorf("body %d of writer %d is there %d times", i, w, n)
			}
		}
	}
}

// TestLedgerIsOnDiskWhenAdded: what add returned from is in the file, though
// nobody closed it.
func TestLedgerIsOnDiskWhenAdded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l, err := createLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for i := range 10 {
		if err := l.add([]byte("body")); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := readLedger(path, func(int64, []byte) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		if n != i+1 {
			t.Fatalf("%d bodies in the file after %d were added", n, i+1)
		}
	}
}

// TestDamagedLedger: half a body at the end is an error, not the end.
func TestDamagedLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	for _, content := range []string{"\x00\x00", "\x00\x00\x00\x05body", "\xff\xff\xff\xffbody"} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := readLedger(path, func(int64, []byte) error { return nil }); err == nil {
			t.Errorf("the ledger %q was read without an error", content)
		}
	}
}
