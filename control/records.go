package control

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Keys of the records. Ids are UUIDs of version 7, so that records stand in
// order of creation; none contains a slash. What is soft-deleted stays in
// place. ms are Unix milliseconds in 15 digits, seq 20 digits.
//
//	organisation/<id>                     Organisation
//	unit/<id>                             Unit
//	area/<id>                             areaRecord
//	meeting_room/<id>                     meetingRoomRecord
//	child/<parent>/<kind>/<id>            nothing: lists units, areas, meeting rooms, accounts, keys, deleted ones too
//	name/<parent>/<kind>/<digest>         id: unique names, freed by deletion
//	slug/<parent>/<kind>/<slug>           id: never freed
//	account/<id>                          accountRecord
//	account_email/<digest>/<account>      nothing: digest of the lower-cased e-mail
//	grant/<account>/<id>                  Grant
//	grant_on/<scope id>/<account>/<id>    nothing: finds a scope's grants
//	account_link/<account>/<digest>       accountLink: its live invitations and sign-in links
//	api_key/<digest>                      APIKey
//	api_key_id/<id>                       digest
//	link/<digest>                         Link
//	appointment/<id>                      of an area: appointments/<area>/<start ms>/<id>
//	group/<id>                            groupRecord; of an area: group_in/<area>/<start ms>/<id>
//	registration/<id>                     registrationRecord; of a group: registration_in/<group>/<id>
//	lobby/<group>/<arrived ms>/<visit>    the state of who came by a link to a group, like queue/
//	group_counts/<group>                  GroupCounts
//	breakouts/<call>                      Breakouts
//	visit/<id>                            in a queue: queue/<area>/<arrived ms>/<visit>
//	participant/<participant id>          whose they are: a visit, a seat of staff
//	seat_of/<account>/<participant id>    nothing: finds the seats of somebody of staff
//	call/<id>                             live: call_live/<area or meeting room>/<call>
//	consult/<id>                          open, in an area: consult_in/<area>/<id>
//	area_event/<area>/<seq>               AreaEvent; area_seq/<area>: the last seq
//	due/<ms>/<kind>/<id>                  nothing: what is to be done when
//	audit/<organisation>/<seq>            AuditRecord
//	audit_head/<organisation>             AuditHead
//	sealed_key/<slot>                     KeyRef: slots of the key file that are in use
//	used_token/<expiry ms>/<jti>          nothing: join tokens that were used
//	room/<organisation>/<id>              roomRecord: rooms of the API
//	room_person/<participant id>          roomPerson: who is in one; room_people/<room>/<participant id>: nothing
//	room_call/<room>                      roomCall: since when anybody is
//	once/<organisation>/<digest>          onceRecord
//	report/<unit>/<kind>/<ended ms>/<id>  a row of control/report
//	report_total/<unit>/<kind>/<step>/<ms>/<place>/<class> totals of them, see reports.go
//	call_quality/<call>/<run>             how connections of a live call have been
//	once_expiry/<seconds>/<organisation>/<digest>   nothing: finds what to purge
//	origin/<digest>/<organisation or key> nothing: who lists the origin of a web page
//	key_origins/<organisation>/<key>      []string: those of an API key that has its own
//	demo                                  demoRecord
const (
	prefixOrganisation = "organisation/"
	prefixUnit         = "unit/"
	prefixArea         = "area/"
	prefixMeetingRoom  = "meeting_room/"
	prefixChild        = "child/"
	prefixName         = "name/"
	prefixSlug         = "slug/"
	prefixAccount      = "account/"
	prefixAccountEmail = "account_email/"
	prefixAccountLink  = "account_link/"
	prefixGrant        = "grant/"
	prefixGrantOn      = "grant_on/"
	prefixAPIKey       = "api_key/"
	prefixAPIKeyID     = "api_key_id/"
	prefixLink         = "link/"
	prefixAppointment  = "appointment/"
	prefixAppointments = "appointments/"
	prefixGroup        = "group/"
	prefixGroupIn      = "group_in/"
	prefixGroupCounts  = "group_counts/"
	prefixRegistration = "registration/"
	prefixRegisteredIn = "registration_in/"
	prefixLobby        = "lobby/"
	prefixBreakouts    = "breakouts/"
	prefixVisit        = "visit/"
	prefixQueue        = "queue/"
	prefixParticipant  = "participant/"
	prefixSeatOf       = "seat_of/"
	prefixCall         = "call/"
	prefixCallLive     = "call_live/"
	prefixConsult      = "consult/"
	prefixConsultIn    = "consult_in/"
	prefixAreaEvent    = "area_event/"
	prefixAreaSeq      = "area_seq/"
	prefixDue          = "due/"
	prefixAudit        = "audit/"
	prefixAuditHead    = "audit_head/"
	prefixSealedKey    = "sealed_key/"
	prefixUsedToken    = "used_token/"
	prefixRoom         = "room/"
	prefixRoomPerson   = "room_person/"
	prefixRoomPeople   = "room_people/"
	prefixRoomCall     = "room_call/"
	prefixOnce         = "once/"
	prefixOnceExpiry   = "once_expiry/"
	prefixOrigin       = "origin/"
	prefixKeyOrigins   = "key_origins/"
	keyDemo            = "demo"
)

// roomRecord is a Room as it is stored.
type roomRecord struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	Type           RoomType  `json:"type"`
	Name           string    `json:"name,omitempty"`
	Capacity       int       `json:"capacity"`
	CreatedAt      time.Time `json:"created_at"`
	LinkDigest     string    `json:"link_digest"`
	SealedLink     []byte    `json:"sealed_link"`
}

// demoRecord remembers what EnsureDemo made.
type demoRecord struct {
	OrganisationID string `json:"organisation_id"`
	RoomID         string `json:"room_id"`
	UnitID         string `json:"unit_id,omitempty"`
	AreaID         string `json:"area_id,omitempty"`
	MeetingRoomID  string `json:"meeting_room_id,omitempty"`
	ProviderID     string `json:"provider_id,omitempty"`
	KeyDigest      string `json:"key_digest"`
}

func roomKey(organisationID, id string) string { return prefixRoom + organisationID + "/" + id }

// timeKey is a time as keys have it: sorted as times are, from 1970 on.
func timeKey(t time.Time) string { return fmt.Sprintf("%015d", max(0, t.UnixMilli())) }

// parseTimeKey reads what timeKey wrote.
func parseTimeKey(key string) (time.Time, error) {
	ms, err := strconv.ParseInt(key, 10, 64)
	return time.UnixMilli(ms).UTC(), err
}

// seqKey is a sequence number as keys have it.
func seqKey(seq uint64) string { return fmt.Sprintf("%020d", seq) }

func hexDigest(digest [32]byte) string { return hex.EncodeToString(digest[:]) }

// get reads the record at key into a new T; ErrNotFound when there is none.
func get[T any](tx store.Tx, key string) (T, error) {
	var v T
	data, err := tx.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return v, ErrNotFound
	}
	if err != nil {
		return v, err
	}
	return decode[T](data)
}

func decode[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: a record of type %T can't be read: %w", store.ErrCorrupt, v, err)
	}
	return v, nil
}

func put(tx store.Tx, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(key, data)
}
