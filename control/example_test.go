package control_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

// The rules inside another program, without HTTP: a guest comes to a waiting
// area by its link, and a provider admits them. Stand-ins are in the place of
// the media server and of the file of guests' keys.
func Example() {
	dir, err := os.MkdirTemp("", "atrium-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	db, err := store.Open(filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close() //nolint:errcheck // nothing is lost
	keys, err := auth.NewKeys()
	if err != nil {
		fmt.Println(err)
		return
	}
	rules, err := control.New(control.Options{
		Store: db, Secrets: keys, Media: new(controltest.Media), Vault: new(controltest.Vault),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if err := rules.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	state, err := consultation(ctx, rules)
	fmt.Println("Maria's visit:", state, err)
	// Output:
	// Maria's visit: in_call <nil>
}

func consultation(ctx context.Context, rules *control.Service) (control.VisitState, error) {
	organisation, _, err := rules.CreateOrganisation(ctx, "Clinic West") // and its first API key
	if err != nil {
		return "", err
	}
	app := control.Actor{Kind: control.ActorAPIKey, ID: "app", OrganisationID: organisation.ID}
	unit, err := rules.CreateUnit(ctx, app, organisation.ID, control.UnitSpec{Name: "Cardiology"}, nil)
	if err != nil {
		return "", err
	}
	area, err := rules.CreateArea(ctx, app, unit.Unit.ID, control.AreaSpec{Name: "Dr Adler"}, nil)
	if err != nil {
		return "", err
	}
	link, _ := auth.LinkDigest(area.Link)
	entered, err := rules.EnterByLink(ctx, link, control.EntrySpec{Fields: map[string]string{"name": "Maria"}})
	if err != nil {
		return "", err
	}
	provider := control.Staff{Actor: app, Name: "Dr Adler"}
	admitted, err := rules.Admit(ctx, provider, entered.Visit.ID, control.AdmitSpec{})
	return admitted.Visit.State, err
}
