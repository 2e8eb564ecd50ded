package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Rows are kept as CBOR (RFC 8949), which takes a third of the time of JSON to
// read (BenchmarkReadRow): a report that totals don't suffice for reads a
// hundred thousand of them. They are maps with the numbers of the fields' cbor
// tags as keys, which are never given to another field; a key that a build
// doesn't know is passed over. Before, rows were kept as JSON, and are read as
// that still: their first byte is a brace, with which no map of CBOR begins.

// ErrRow is what reading a row that can't be read fails with.
var ErrRow = errors.New("the row of a report can't be read")

// writing and reading are how rows are written and read. The store bounds
// their length, and rows nest three deep at most.
var (
	writing = sync.OnceValues(cbor.EncOptions{NaNConvert: cbor.NaNConvertReject, InfConvert: cbor.InfConvertReject}.EncMode)
	reading = sync.OnceValues(cbor.DecOptions{
		IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		NaN: cbor.NaNDecodeForbidden, Inf: cbor.InfDecodeForbidden, MaxNestedLevels: 4,
	}.DecMode)
)

// stamp is a time as rows keep it: milliseconds from 1970 on, which is what the
// clock of control gives; text takes longer to read. 0 stands for no time.
type stamp int64

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.UnixMilli())
}

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(s)).UTC()
}

// write encodes the stored form of a row.
func write(stored any) ([]byte, error) {
	mode, err := writing()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(stored)
}

func isJSON(data []byte) bool { return bytes.HasPrefix(data, []byte("{")) }

// read decodes a row: into old when it is of a build that wrote JSON, else into
// stored. It keeps nothing of data.
func read(data []byte, stored, old any) (isOld bool, err error) {
	if isOld = isJSON(data); isOld {
		err = json.Unmarshal(data, old)
	} else if mode, wrong := reading(); wrong != nil {
		return false, wrong
	} else {
		err = mode.Unmarshal(data, stored)
	}
	if err != nil {
		return isOld, fmt.Errorf("%w: %w", ErrRow, err)
	}
	return isOld, nil
}

// The stored forms have the fields of the rows, without their methods, beside
// the times.
type (
	visitFields   VisitRow
	callFields    CallRow
	groupFields   GroupRow
	consultFields ConsultRow

	storedVisit struct {
		visitFields
		Arrived stamp `cbor:"6,keyasint"`
		Joined  stamp `cbor:"7,keyasint,omitempty"`
		Ended   stamp `cbor:"8,keyasint"`
	}
	storedBrief struct {
		Stay      int      `cbor:"2,keyasint"`
		AreaID    string   `cbor:"4,keyasint"`
		Type      string   `cbor:"5,keyasint"`
		Joined    stamp    `cbor:"7,keyasint"`
		Ended     stamp    `cbor:"8,keyasint"`
		Waited    int64    `cbor:"9,keyasint"`
		Held      int64    `cbor:"10,keyasint"`
		Talked    int64    `cbor:"11,keyasint"`
		Outcome   string   `cbor:"13,keyasint"`
		Providers []string `cbor:"14,keyasint"`
	}
	storedCall struct {
		callFields
		Started stamp `cbor:"7,keyasint"`
		Ended   stamp `cbor:"8,keyasint"`
	}
	storedGroup struct {
		groupFields
		Planned stamp `cbor:"6,keyasint"`
		Started stamp `cbor:"7,keyasint,omitempty"`
		Ended   stamp `cbor:"8,keyasint"`
	}
	storedConsult struct {
		consultFields
		Created    stamp `cbor:"6,keyasint"`
		HandedOver stamp `cbor:"7,keyasint,omitempty"`
		Ended      stamp `cbor:"8,keyasint"`
	}
)

// MarshalBinary implements encoding.BinaryMarshaler: the row as it is kept.
func (r VisitRow) MarshalBinary() ([]byte, error) {
	return write(&storedVisit{visitFields(r), stampOf(r.Arrived), stampOf(r.Joined), stampOf(r.Ended)})
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler; it fails with ErrRow.
func (r *VisitRow) UnmarshalBinary(data []byte) error {
	var s storedVisit
	old, err := read(data, &s, &s.visitFields)
	if *r = VisitRow(s.visitFields); !old {
		r.Arrived, r.Joined, r.Ended = s.Arrived.time(), s.Joined.time(), s.Ended.time()
	}
	return err
}

// VisitBrief is what VisitTotals and a Filter go by of a VisitRow; its other
// fields may be missing. It is read in two thirds of the time.
type VisitBrief struct{ VisitRow }

// UnmarshalBinary implements encoding.BinaryUnmarshaler for what a VisitRow is
// kept as; it fails with ErrRow.
func (r *VisitBrief) UnmarshalBinary(data []byte) error {
	if isJSON(data) {
		return r.VisitRow.UnmarshalBinary(data)
	}
	var s storedBrief
	_, err := read(data, &s, nil)
	r.VisitRow = VisitRow{
		Stay: s.Stay, AreaID: s.AreaID, Type: s.Type, Joined: s.Joined.time(), Ended: s.Ended.time(),
		Waited: s.Waited, Held: s.Held, Talked: s.Talked, Outcome: s.Outcome, Providers: s.Providers,
	}
	return err
}

// MarshalBinary implements encoding.BinaryMarshaler: the row as it is kept.
func (r CallRow) MarshalBinary() ([]byte, error) {
	return write(&storedCall{callFields(r), stampOf(r.Started), stampOf(r.Ended)})
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler; it fails with ErrRow.
func (r *CallRow) UnmarshalBinary(data []byte) error {
	var s storedCall
	old, err := read(data, &s, &s.callFields)
	if *r = CallRow(s.callFields); !old {
		r.Started, r.Ended = s.Started.time(), s.Ended.time()
	}
	return err
}

// MarshalBinary implements encoding.BinaryMarshaler: the row as it is kept.
func (r GroupRow) MarshalBinary() ([]byte, error) {
	return write(&storedGroup{groupFields(r), stampOf(r.Planned), stampOf(r.Started), stampOf(r.Ended)})
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler; it fails with ErrRow.
func (r *GroupRow) UnmarshalBinary(data []byte) error {
	var s storedGroup
	old, err := read(data, &s, &s.groupFields)
	if *r = GroupRow(s.groupFields); !old {
		r.Planned, r.Started, r.Ended = s.Planned.time(), s.Started.time(), s.Ended.time()
	}
	return err
}

// MarshalBinary implements encoding.BinaryMarshaler: the row as it is kept.
func (r ConsultRow) MarshalBinary() ([]byte, error) {
	return write(&storedConsult{consultFields(r), stampOf(r.Created), stampOf(r.HandedOver), stampOf(r.Ended)})
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler; it fails with ErrRow.
func (r *ConsultRow) UnmarshalBinary(data []byte) error {
	var s storedConsult
	old, err := read(data, &s, &s.consultFields)
	if *r = ConsultRow(s.consultFields); !old {
		r.Created, r.HandedOver, r.Ended = s.Created.time(), s.HandedOver.time(), s.Ended.time()
	}
	return err
}
