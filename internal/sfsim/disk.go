package sfsim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// disk keeps the org in a Pebble database: "r/OBJECT/ID" is a record, "m/…" is
// the rest. Every request is one batch, synced before it is answered, so what was
// answered survives a kill -9 and half a request never appears.
type disk struct{ db *pebble.DB }

const (
	recordPrefix  = "r/"
	keyNextID     = "m/next-id"
	keyRunAs      = "m/run-as"
	keyLoaded     = "m/loaded"
	keyPersonOrgs = "m/person-accounts"
)

func openDisk(dir string, log *slog.Logger) (*disk, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             pebbleLog{log},
	})
	if err != nil {
		return nil, fmt.Errorf("opening the simulator's state in %s: %w", dir, err)
	}
	return &disk{db: db}, nil
}

// each calls visit with every record.
func (d *disk) each(visit func(object, id string, data []byte) error) (err error) {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte(recordPrefix), UpperBound: []byte("r0")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		name, id, _ := strings.Cut(strings.TrimPrefix(string(it.Key()), recordPrefix), "/")
		if err := visit(name, id, it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// meta reads one of the other keys; nil when it was never written.
func (d *disk) meta(key string) ([]byte, error) {
	value, closer, err := d.db.Get([]byte(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

// write commits changes in one synced batch. A nil value deletes its key.
func (d *disk) write(changes map[string][]byte) error {
	b := d.db.NewBatch()
	defer b.Close()
	for key, value := range changes {
		var err error
		if value == nil {
			err = b.Delete([]byte(key), nil)
		} else {
			err = b.Set([]byte(key), value, nil)
		}
		if err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func (d *disk) close() error { return d.db.Close() }

func encodeCount(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func decodeCount(data []byte) uint64 {
	if len(data) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(data)
}

// pebbleLog sends Pebble's own messages to the simulator's log, quietly.
type pebbleLog struct{ log *slog.Logger }

func (l pebbleLog) Infof(format string, args ...any)  { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l pebbleLog) Errorf(format string, args ...any) { l.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf is called when Pebble cannot go on, mostly for a full disk, and does
// not expect it to return. What was answered is safe; a write under way is not
// answered.
func (l pebbleLog) Fatalf(format string, args ...any) {
	l.log.Error("the simulator cannot keep its state and stops; is the disk full?", "cause", fmt.Sprintf(format, args...))
	os.Exit(1)
}
