package notify

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates/*.txt
var templateFiles embed.FS

// Template names a text. Each is a file per language: the subject of an e-mail
// in the first line, an empty line, the text. {{.organisation}} and whatever is
// in Data can stand in it.
type Template string

// Templates, and what they take from Data.
const (
	TemplateInvitation  Template = "invitation"  // link, days
	TemplateSignIn      Template = "sign_in"     // link, minutes
	TemplateLink        Template = "link"        // link: an area's, a meeting room's, a call's
	TemplateAppointment Template = "appointment" // link, when
	TemplateCancelled   Template = "cancelled"   // when
	TemplateConsultNow  Template = "consult_now" // link, minutes
	TemplateArrival     Template = "arrival"     // area
)

// Templates lists them all.
func Templates() []Template {
	return []Template{TemplateInvitation, TemplateSignIn, TemplateLink, TemplateAppointment,
		TemplateCancelled, TemplateConsultNow, TemplateArrival}
}

// fallbackLanguage is what a language that we don't speak becomes.
const fallbackLanguage = "en"

// texts are the parsed templates, by language and name.
type texts map[string]*template.Template

// loadTexts reads the embedded files.
func loadTexts() (texts, error) {
	t := make(texts)
	names, err := fs.Glob(templateFiles, "templates/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := templateFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		key := strings.TrimSuffix(path.Base(name), ".txt") // invitation.en
		parsed, err := template.New(key).Option("missingkey=error").Parse(string(data))
		if err != nil {
			return nil, fmt.Errorf("notify: template %s: %w", key, err)
		}
		t[key] = parsed
	}
	return t, nil
}

// known says whether there is such a template.
func (t Template) known() bool { return slices.Contains(Templates(), t) }

// write fills a template in. Of a language it takes the first part that there
// is a text for: de-CH, de, en.
func (t texts) write(name Template, language string, data map[string]string) (subject, text string, err error) {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	for _, l := range []string{strings.ToLower(language), base, fallbackLanguage} {
		parsed, ok := t[string(name)+"."+l]
		if !ok {
			continue
		}
		var b strings.Builder
		if err := parsed.Execute(&b, data); err != nil {
			return "", "", &PermanentError{fmt.Errorf("write %s: %w", name, err)}
		}
		subject, text, _ = strings.Cut(b.String(), "\n")
		return strings.TrimSpace(subject), strings.TrimSpace(text) + "\n", nil
	}
	return "", "", &PermanentError{fmt.Errorf("%w %q", ErrUnknownTemplate, name)}
}
