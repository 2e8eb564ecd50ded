package report

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// storedRow is what each type of row is.
type storedRow interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// blankRows are one of each type.
func blankRows() []storedRow {
	return []storedRow{new(VisitRow), new(CallRow), new(GroupRow), new(ConsultRow)}
}

// fullRows are rows without a field that is zero.
func fullRows() []storedRow {
	at := time.Date(2026, 3, 2, 12, 0, 0, 123_000_000, time.UTC)
	first, last := at.Add(-time.Hour), at.Add(-time.Minute)
	q := &Quality{Samples: 90, Loss: 1.1, RTT: 3600.7, RTTs: 80, Jitter: 400.3, Freezes: 2, Score: 8900, Relayed: 4}
	return []storedRow{
		&VisitRow{ID: "v", Stay: 1, UnitID: "u", AreaID: "a", Type: "area", Arrived: first, Joined: last, Ended: at, Waited: math.MaxInt64, Held: 2, Talked: 3,
			Peak: 4, Outcome: OutcomeCompleted, Providers: []string{"x", "y"}, Quality: q},
		&CallRow{ID: "c", UnitID: "u", AreaID: "a", RoomID: "r", GroupID: "g", Type: "group", Started: first, Ended: at, Peak: 5, Guests: 4,
			Staff: []StaffTime{{AccountID: "x", Talked: 6}, {AccountID: "y", Talked: -1}}, Quality: q},
		&GroupRow{ID: "g", UnitID: "u", AreaID: "a", Host: "x", Moderators: []string{"y"}, Planned: first, Started: last, Ended: at, Registered: 9, Requested: 8,
			Admitted: 7, Peak: 6, Breakouts: 5, Moves: 4, Outcome: "ended"},
		&ConsultRow{ID: "l", UnitID: "u", AreaID: "a", Provider: "x", Channel: "sms", Created: first, HandedOver: last, Ended: at, Extensions: 2, State: ConsultEntered},
	}
}

// blankLike is a new row of the same type.
func blankLike(r storedRow) storedRow {
	return reflect.New(reflect.TypeOf(r).Elem()).Interface().(storedRow)
}

// zeroField names a field that is zero, "" when there is none.
func zeroField(v reflect.Value) string {
	v = reflect.Indirect(v)
	for i := range v.NumField() {
		f := reflect.Indirect(v.Field(i))
		if !f.IsValid() || f.IsZero() {
			return v.Type().Field(i).Name
		}
		if f.Type() == reflect.TypeFor[Quality]() {
			if name := zeroField(f); name != "" {
				return name
			}
		}
	}
	return ""
}

// Every field of a row is kept, in either form, and none is needed.
func TestRowsAreKept(t *testing.T) {
	for _, want := range append(fullRows(), blankRows()...) {
		data, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		old, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) >= len(old) {
			t.Errorf("%T takes %d bytes, as JSON %d", want, len(data), len(old))
		}
		for _, kept := range [][]byte{data, old} {
			got := blankLike(want)
			if err := got.UnmarshalBinary(kept); err != nil {
				t.Fatalf("%T of %q: %v", want, kept, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%T of %q:\n%s", want, kept, diff)
			}
		}
	}
	for _, row := range fullRows() {
		if name := zeroField(reflect.ValueOf(row)); name != "" {
			t.Errorf("%T: the test leaves out %s", row, name)
		}
	}
}

// A field keeps the number that it was given: what was stored stays readable.
func TestStoredFieldsStay(t *testing.T) {
	for i, row := range fullRows() {
		want := []string{
			"af0161760201036175046161056461726561091b7fffffffffffffff0a020b030c040d69636f6d706c657465640e82617861790fa801185a02fb3ff19999999999" +
				"9a03fb40ac21666666666604185005fb407904cccccccccd0602071922c40804061b0000019cae3477fb071b0000019cae6a7c1b081b0000019cae6b667b",
			"ac016163026175036161046172056167066567726f757009050a040b82a20161780206a201617902200ca801185a02fb3ff199999999999a03fb40ac2166666666" +
				"6604185005fb407904cccccccccd0602071922c40804071b0000019cae3477fb081b0000019cae6b667b",
			"af0161670261750361610461780581617909090a080b070c060d050e040f65656e646564061b0000019cae3477fb071b0000019cae6a7c1b081b0000019cae6b66" +
				"7b",
			"aa01616c0261750361610461780563736d7309020a67656e7465726564061b0000019cae3477fb071b0000019cae6a7c1b081b0000019cae6b667b",
		}[i]
		data, err := row.MarshalBinary()
		if got := hex.EncodeToString(data); err != nil || got != want {
			t.Errorf("%T is kept as\n%s; want\n%s; %v", row, got, want, err)
		}
	}
}

// Of a consultation that is read in brief the rest is as it is.
func TestVisitBrief(t *testing.T) {
	full := *fullRows()[0].(*VisitRow)
	stored, err := full.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	old, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	brief := full
	brief.ID, brief.UnitID, brief.Arrived, brief.Peak, brief.Quality = "", "", time.Time{}, 0, nil
	for want, data := range map[*VisitRow][]byte{&brief: stored, &full: old} {
		got := VisitBrief{VisitRow{ID: "another", Peak: 9}}
		if err := got.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(got.VisitRow, *want) {
			t.Errorf("%+v, %v; want %+v", got, err, *want)
		}
	}
	if err := new(VisitBrief).UnmarshalBinary(stored[:9]); !errors.Is(err, ErrRow) {
		t.Error(err)
	}
}

// What a later build adds is passed over.
func TestFieldsOfLaterBuilds(t *testing.T) {
	for _, want := range fullRows() {
		data, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		data[0]++                                      // one more pair
		data = append(data, 0x18, 99, 0x81, 0x61, 'z') // 99: ["z"]
		got := blankLike(want)
		if err := got.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}

// Reading a row over another leaves nothing of it.
func TestRowsAreReadAnew(t *testing.T) {
	blanks := blankRows()
	for i, row := range fullRows() {
		data, err := blanks[i].MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if err := row.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(row, blanks[i]) {
			t.Errorf("%+v, %v", row, err)
		}
	}
}

// What isn't a number isn't kept: no report could say it.
func TestRowsHoldNumbers(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if data, err := (VisitRow{Quality: &Quality{Loss: v}}).MarshalBinary(); err == nil {
			t.Errorf("%v: %x", v, data)
		}
	}
}

// BenchmarkReadRow reads a consultation as it is kept, and as it was before.
func BenchmarkReadRow(b *testing.B) {
	id := "01a3c6fe-7c3f-7a1e-9d1c-0123456789ab"
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	row := VisitRow{
		ID: id, UnitID: id, AreaID: id, Type: "area", Arrived: at, Joined: at, Ended: at, Waited: 300_000, Talked: 900_000, Peak: 2,
		Outcome: OutcomeCompleted, Providers: []string{id}, Quality: &Quality{Samples: 90, Loss: 1.25, RTT: 3600.5, RTTs: 90, Jitter: 400.25, Score: 8900},
	}
	stored, err := row.MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	old, err := json.Marshal(row)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		into encoding.BinaryUnmarshaler
		data []byte
	}{{"cbor", &row, stored}, {"cbor, in brief", new(VisitBrief), stored}, {"json", &row, old}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.into.UnmarshalBinary(c.data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(c.data)), "bytes")
		})
	}
}

func totalsOf(r VisitRow) VisitTotals {
	var t VisitTotals
	t.Add(r)
	return t
}

// SE-10: whatever stands in a row's place is read or refused, and what was read
// can be kept and read again.
func FuzzRows(f *testing.F) {
	for i, row := range append(fullRows(), blankRows()...) {
		data, err := row.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		old, err := json.Marshal(row)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
		f.Add(uint8(i), old)
	}
	f.Add(uint8(0), []byte{})
	f.Add(uint8(0), []byte{0xbf, 0xff})                                     // a map of no stated length
	f.Add(uint8(0), []byte{0xa2, 0x01, 0x61, 'a', 0x01, 0x61, 'b'})         // a key that comes twice
	f.Add(uint8(0), []byte{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) // longer than anything
	f.Fuzz(func(t *testing.T, kind uint8, input []byte) {
		row := blankRows()[kind%4]
		data := bytes.Clone(input)
		err := row.UnmarshalBinary(data)
		clear(data) // nothing of it is held on to
		if err != nil {
			if !errors.Is(err, ErrRow) {
				t.Fatalf("%x: %v", input, err)
			}
			_ = new(VisitBrief).UnmarshalBinary(input)
			return
		}
		if v, ok := row.(*VisitRow); ok {
			var brief VisitBrief
			if err := brief.UnmarshalBinary(input); err != nil || !reflect.DeepEqual(totalsOf(*v), totalsOf(brief.VisitRow)) {
				t.Fatalf("%x: in brief %+v, %v; want %+v", input, brief, err, v)
			}
		}
		first, err := row.MarshalBinary()
		if err != nil {
			t.Fatalf("%x: %v", input, err)
		}
		again := blankLike(row)
		if err := again.UnmarshalBinary(first); err != nil {
			t.Fatalf("%x, kept as %x: %v", input, first, err)
		}
		if second, err := again.MarshalBinary(); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%x is kept as %x, then as %x, %v", input, first, second, err)
		}
	})
}
