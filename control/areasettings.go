package control

import (
	"fmt"
	"slices"
	"time"
)

const (
	maxWaitLimit = 24 * time.Hour
	minWaitLimit = time.Minute
	maxAlerts    = 50 // accounts of one area
)

// entryFields are the fields that an area may ask for, in the order that they
// are asked in.
var entryFields = []FieldKey{FieldName, FieldPhone, FieldDateOfBirth, FieldReference, FieldText}

// clean checks settings and puts them in order. The name is always asked for.
func (a AreaSettings) clean() (AreaSettings, error) {
	var err error
	if a.Fields, err = cleanFields(a.Fields); err != nil {
		return a, err
	}
	if a.Terms, err = cleanText("settings.terms", a.Terms); err != nil {
		return a, err
	}
	if a.Welcome, err = cleanText("settings.welcome", a.Welcome); err != nil {
		return a, err
	}
	if a.Phone, err = cleanPhone("settings.phone", a.Phone); err != nil {
		return a, err
	}
	if a.Hours, err = a.Hours.clean(); err != nil {
		return a, err
	}
	if a.WaitLimit != 0 && (a.WaitLimit < minWaitLimit || a.WaitLimit > maxWaitLimit) {
		return a, &FieldError{Field: "settings.wait_limit", Message: "must be from 1 minute to 24 hours, or 0 for none"}
	}
	if len(a.Alerts.Accounts) > maxAlerts {
		return a, &FieldError{Field: "settings.alerts.accounts", Message: fmt.Sprintf("must name at most %d accounts", maxAlerts)}
	}
	for _, id := range a.Alerts.Accounts {
		if !validID(id) {
			return a, &FieldError{Field: "settings.alerts.accounts", Message: "must be ids of accounts"}
		}
	}
	return a, nil
}

func cleanFields(fields []EntryField) ([]EntryField, error) {
	clean := []EntryField{{Key: FieldName, Required: true}}
	seen := make(map[FieldKey]bool)
	for i, f := range fields {
		field := fmt.Sprintf("settings.fields[%d]", i)
		label, err := cleanLabel(field+".label", f.Label)
		if err != nil {
			return nil, err
		}
		f.Label = label
		switch {
		case !slices.Contains(entryFields, f.Key):
			return nil, &FieldError{Field: field + ".key", Message: "must be name, phone, date_of_birth, reference or text"}
		case seen[f.Key]:
			return nil, &FieldError{Field: field + ".key", Message: "must not stand twice"}
		case f.Key == FieldName:
			clean[0].Label = label
		default:
			clean = append(clean, f)
		}
		seen[f.Key] = true
	}
	slices.SortFunc(clean, func(a, b EntryField) int {
		return slices.Index(entryFields, a.Key) - slices.Index(entryFields, b.Key)
	})
	return clean, nil
}
