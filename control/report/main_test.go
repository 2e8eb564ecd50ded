package report

import (
	"testing"
	_ "time/tzdata" // hosts without the database

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
