package server

import (
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// rights is the permission table as control asks it.
type rights struct{ policy *auth.Policy }

// MaySit implements control.Rights: by what it takes to come in.
func (r rights) MaySit(kind control.RoomType, roles []control.RoleName) bool {
	permission := auth.VisitsConduct
	switch kind {
	case control.Meeting:
		permission = auth.RoomsEnter
	case control.Group:
		permission = auth.GroupsModerate
	}
	held := make([]auth.Role, len(roles))
	for i, role := range roles {
		held[i] = auth.Role(role)
	}
	return r.policy.Allows(permission, held...)
}
