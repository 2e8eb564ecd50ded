package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrAssertion is wrapped by every error of [ParseAssertions].
var ErrAssertion = errors.New("bad assertion")

// maxAssertion bounds the text that ParseAssertions looks at, in bytes.
const maxAssertion = 4096

// Assertion is a claim about one scalar of a result, such as join_p95<2s.
type Assertion struct {
	field  Field
	op     string
	number float64 // in the field's unit
	text   string  // for strings and booleans
	source string
}

// String is the assertion as it was written, without spaces.
func (a Assertion) String() string { return a.source }

// ParseAssertions reads a list of claims separated by commas:
//
//	list  = claim { "," claim }
//	claim = field ( "<" | "<=" | ">" | ">=" | "==" | "!=" ) value
//	value = number [ unit ] | "true" | "false" | word
//	unit  = "%" | "s" | "ms" | "us" | "k" | "M"
//
// A field is any scalar of result.json by its dotted name (join.p95), the same
// with underscores (join_p95), or its last part where that is unambiguous
// (us_per_forwarded_packet). A number without a unit is in the field's own. The
// empty list is no claim. Errors wrap [ErrAssertion] and name what would do.
//
// These are claims about a [Result]; [ParseAssertionsOf] reads those about others.
func ParseAssertions(list string) ([]Assertion, error) {
	return ParseAssertionsOf(new(Result).Fields(), list)
}

// ParseAssertionsOf reads claims about a result that has these fields, as
// [ParseAssertions] does.
func ParseAssertionsOf(fields []Field, list string) ([]Assertion, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	if len(list) > maxAssertion {
		return nil, fmt.Errorf("%w: %d bytes long; at most %d", ErrAssertion, len(list), maxAssertion)
	}
	var all []Assertion
	for claim := range strings.SplitSeq(list, ",") {
		a, err := parseClaim(fields, strings.TrimSpace(claim))
		if err != nil {
			return nil, fmt.Errorf("%w %q: %w", ErrAssertion, strings.TrimSpace(claim), err)
		}
		all = append(all, a)
	}
	return all, nil
}

func parseClaim(fields []Field, claim string) (Assertion, error) {
	if claim == "" {
		return Assertion{}, errors.New("empty; write for example loss<0.1%,join_p95<2s")
	}
	at := strings.IndexAny(claim, "<>=!")
	if at < 0 {
		return Assertion{}, errors.New("no comparison; write for example loss<0.1% (one of < <= > >= == !=)")
	}
	name, rest := strings.TrimSpace(claim[:at]), claim[at:]
	end := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("<>=!", r) })
	if end < 0 {
		end = len(rest)
	}
	op, value := rest[:end], strings.TrimSpace(rest[end:])
	switch op {
	case "<", "<=", ">", ">=", "==", "!=":
	default:
		return Assertion{}, fmt.Errorf("%q is no comparison; use one of < <= > >= == !=", op)
	}
	if name == "" {
		return Assertion{}, errors.New("no field before the comparison; write for example loss<0.1%")
	}
	field, near, ok := lookup(fields, name)
	if !ok {
		return Assertion{}, unknownField(name, near)
	}
	if value == "" {
		return Assertion{}, fmt.Errorf("no value after %s; write for example %s%s%s", op, name, op, example(field))
	}
	a := Assertion{field: field, op: op, source: name + op + value}
	return a, a.parseValue(value)
}

func unknownField(name string, near []string) error {
	for _, path := range near {
		if strings.HasSuffix(path, "."+name) {
			return fmt.Errorf("%q could be %s; write one of these", name, strings.Join(near, " or "))
		}
	}
	return fmt.Errorf("result.json has no number %q; nearest: %s", name, strings.Join(near, ", "))
}

func (a *Assertion) parseValue(value string) error {
	if a.field.Type != typeNumber {
		if a.op != "==" && a.op != "!=" {
			return fmt.Errorf("%s is a %s: compare it with == or !=", a.field.Path, a.field.Type)
		}
		if a.field.Type == typeBool && value != "true" && value != "false" {
			return fmt.Errorf("%s is true or false, not %q", a.field.Path, value)
		}
		a.text = value
		return nil
	}
	end := strings.LastIndexAny(value, "0123456789.") + 1
	digits, unit := value[:end], strings.TrimSpace(value[end:])
	if strings.Trim(strings.TrimPrefix(digits, "-"), "0123456789.") != "" {
		return fmt.Errorf("%q is no number; write for example %s", value, example(a.field))
	}
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return fmt.Errorf("%q is no number; write for example %s", value, example(a.field))
	}
	factor, ok := unitFactor(a.field.Unit, unit)
	if !ok {
		return fmt.Errorf("unit %q does not fit %s; write for example %s", unit, a.field.Path, example(a.field))
	}
	a.number = number * factor
	return nil
}

// unitFactor is what a number written in unit is multiplied by to be in the
// field's own. No unit means the field's own.
func unitFactor(own, unit string) (factor float64, ok bool) {
	if unit == "" {
		return 1, true
	}
	seconds := map[string]float64{"s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
	switch own {
	case "s":
		factor, ok = seconds[unit]
	case "us":
		factor, ok = seconds[unit]
		factor *= 1e6
	case "ratio":
		return 0.01, unit == "%"
	default:
		factor, ok = map[string]float64{"k": 1e3, "M": 1e6}[unit]
	}
	return factor, ok
}

// example is a value that fits a field.
func example(f Field) string {
	switch {
	case f.Type == typeBool:
		return "false"
	case f.Type == typeString:
		return "gallery"
	case f.Unit == "s":
		return "2s or 150ms"
	case f.Unit == "us":
		return "4us"
	case f.Unit == "ratio":
		return "0.1%"
	default:
		return "100 or 63k"
	}
}

// Judge decides the claim on the figures of r. A void result proves nothing,
// and a figure that is null holds no claim.
func (a Assertion) Judge(r *Result) Verdict { return a.judge(r.Fields(), r.Void) }

// judge decides the claim on the fields of a result, which may be void.
func (a Assertion) judge(fields []Field, void bool) Verdict {
	v := Verdict{Assertion: a.source, Outcome: OutcomeUnmeasured}
	field, _, _ := lookup(fields, a.field.Path)
	if field.Value == nil {
		return v
	}
	v.Actual = formatField(field)
	switch held := a.holds(field.Value); {
	case void && a.voidable():
		v.Outcome = OutcomeVoid
	case held:
		v.Outcome = OutcomeHeld
	default:
		v.Outcome = OutcomeFailed
	}
	return v
}

// voidable says whether a saturated generator falsifies the field: everything
// but what was configured, what tells of the saturation itself, and what is
// counted one by one whatever the load (who joined, renegotiations, packets of
// another room).
func (a Assertion) voidable() bool {
	section, _, _ := strings.Cut(a.field.Path, ".")
	switch section {
	case "void", "generator", "scenario", "tool", "schema", "started", "joins", "sdp", "stray":
		return false
	}
	return true
}

func (a Assertion) holds(value any) bool {
	switch value := value.(type) {
	case float64:
		return compare(value, a.op, a.number)
	case bool:
		return (strconv.FormatBool(value) == a.text) == (a.op == "==")
	case string:
		return (value == a.text) == (a.op == "==")
	}
	return false
}

func compare(x float64, op string, y float64) bool {
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	case ">=":
		return x >= y
	case "==":
		return x == y
	default:
		return x != y
	}
}

// Judge decides the claims and keeps the verdicts in the result, in order.
func (r *Result) Judge(claims []Assertion) {
	r.Assertions = append(r.Assertions, judgeAll(claims, r.Fields(), r.Void)...)
}

func judgeAll(claims []Assertion, fields []Field, void bool) (all []Verdict) {
	for _, a := range claims {
		all = append(all, a.judge(fields, void))
	}
	return all
}

// allHeld says whether every one of them held.
func allHeld(all []Verdict) bool {
	return !slices.ContainsFunc(all, func(v Verdict) bool { return v.Outcome != OutcomeHeld })
}
