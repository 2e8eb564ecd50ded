package control

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxEmail   = 254  // RFC 5321, 4.5.3.1.3, less the angle brackets
	maxText    = 4000 // runes of terms and other long texts
	maxPhone   = 40   //
	maxOrigins = 32   //
)

// cleanText trims and checks a text of several lines that people will read; ""
// is a text too.
func cleanText(field, text string) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case !utf8.ValidString(text):
		return "", &FieldError{Field: field, Message: "must be valid UTF-8"}
	case utf8.RuneCountInString(text) > maxText:
		return "", &FieldError{Field: field, Message: fmt.Sprintf("must have at most %d characters", maxText)}
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && forbidden(r) {
			return "", &FieldError{Field: field, Message: fmt.Sprintf("must not contain the character U+%04X", r)}
		}
	}
	return text, nil
}

// cleanLabel is CleanName for what may be left out.
func cleanLabel(field, label string) (string, error) {
	if strings.TrimSpace(label) == "" {
		return "", nil
	}
	return CleanName(field, label)
}

// phoneForm is a number to phone as people write it.
var phoneForm = regexp.MustCompile(`^\+?[0-9][0-9 ()/.-]*$`)

// cleanPhone checks a number that is shown, "" for none.
func cleanPhone(field, phone string) (string, error) {
	phone = strings.TrimSpace(phone)
	if phone != "" && (len(phone) > maxPhone || !phoneForm.MatchString(phone)) {
		return "", &FieldError{Field: field, Message: "must be a phone number, such as +43 1 234 56 78"}
	}
	return phone, nil
}

// languageForm is a language and perhaps a region (BCP 47).
var languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Z]{2})?$`)

func cleanLanguage(field, language string) (string, error) {
	if language != "" && !languageForm.MatchString(language) {
		return "", &FieldError{Field: field, Message: "must be a language such as en or de-AT"}
	}
	return language, nil
}

// CleanEmail checks a single e-mail address and returns it trimmed. The error
// is a *FieldError for field.
func CleanEmail(field, email string) (string, error) {
	email = strings.TrimSpace(email)
	bad := &FieldError{Field: field, Message: "must be an e-mail address, such as ana@example.org"}
	if len(email) > maxEmail || !utf8.ValidString(email) || strings.ContainsFunc(email, forbidden) {
		return "", bad
	}
	a, err := mail.ParseAddress(email)
	if err != nil || a.Name != "" || a.Address != email { // a name, a comment or quotes
		return "", bad
	}
	_, domain, _ := strings.Cut(email, "@")
	if strings.HasPrefix(domain, "[") || strings.ContainsAny(email, " \"<>,;") {
		return "", bad
	}
	return email, nil
}

// cleanOrigins checks the origins of web pages that may embed an
// organisation's calls: https://host[:port], or http on this computer.
func cleanOrigins(field string, origins []string) ([]string, error) {
	if len(origins) > maxOrigins {
		return nil, &FieldError{Field: field, Message: fmt.Sprintf("must name at most %d origins", maxOrigins)}
	}
	var clean []string
	for _, o := range origins {
		u, err := url.Parse(o)
		local := err == nil && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !local) ||
			u.Scheme+"://"+u.Host != o || o != strings.ToLower(o) || strings.ContainsAny(o, "*;, ") {
			return nil, &FieldError{Field: field, Message: "must be origins such as https://app.example.org, without a path"}
		}
		if !slices.Contains(clean, o) {
			clean = append(clean, o)
		}
	}
	return clean, nil
}
