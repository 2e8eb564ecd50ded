package client_test

import (
	"context"
	"fmt"
	"os"

	"github.com/atriumrtc/atrium/control/api/client"
)

// A clinic is set up, a guest comes to its waiting area, and is admitted.
func Example() {
	dir, err := os.MkdirTemp("", "atrium-example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	d, err := deploy(dir)   // or any Atrium server's URL and operator key
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.close()
	state, err := seen(context.Background(), d.url, d.operatorKey)
	fmt.Println("Maria's visit:", state, err)
	// Output:
	// Maria's visit: in_call <nil>
}

func seen(ctx context.Context, url, operatorKey string) (state string, err error) {
	operator, err := client.New(url, operatorKey, nil)
	if err != nil {
		return "", err
	}
	clinic, err := operator.CreateOrganisation(ctx, client.OrganisationSpec{Name: "Clinic West"})
	if err != nil {
		return "", err
	}
	app, err := client.New(url, clinic.APIKey.Secret, nil)
	if err != nil {
		return "", err
	}
	unit, err := app.CreateUnit(ctx, clinic.Organisation.ID, client.UnitSpec{Name: "Cardiology"}, "")
	if err != nil {
		return "", err
	}
	area, err := app.CreateArea(ctx, unit.Unit.ID, client.AreaSpec{Name: "Dr Adler"}, "")
	if err != nil {
		return "", err
	}
	anybody, err := client.New(url, "", nil) // a guest needs no key but the link
	if err != nil {
		return "", err
	}
	guest, err := anybody.Entry(ctx, area.Link, "Maria")
	if err != nil {
		return "", err
	}
	admitted, err := app.AdmitVisit(ctx, guest.Visit.ID, client.AdmitSpec{Provider: &client.Provider{Name: "Dr Adler"}})
	return admitted.Visit.State, err
}
