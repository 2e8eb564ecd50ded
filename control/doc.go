// Package control holds the rules of who may meet whom, where and when: plain
// types, and functions over a transaction of control/store. It knows nothing
// of HTTP; the clock is an argument. Its one goroutine is [Service.Run], which
// does what is due (schedule.go).
//
// [Service] is what everything else calls. An [Organisation] holds a [Unit],
// that an [Area] and a [MeetingRoom]; an [Account] has a [Grant] on one of them;
// an [APIKey] acts for an organisation or a unit; [Room] and [Join] are for
// embedding apps. What it needs of the rest is declared here, and
// implemented elsewhere: [Media] is how it reaches the calls that are going on
// (so that a remote media edge can stand behind it), [Secrets] how it makes and
// seals secrets, [Vault] the keys that are overwritten, [Outbox] what sends,
// [Signer] what signs the audit log. controltest has stand-ins for tests.
//
// Reading order of visits: visitstate.go (what can happen to a visit) →
// entry.go (how it begins) → admit.go, calls.go (who is in which call) →
// placement.go (how media follows) → seats.go (who is connected). Of group
// consultations: groups.go (what one is) → group_registrations.go and
// group_entry.go (who may come) → group_lobby.go (who is admitted) →
// group_call.go, group_time.go (how a session begins and ends) →
// group_authority.go, moderation.go (who decides what in it) → arrange.go (how
// media is told). Of breakouts: breakoutstate.go → breakoutplan.go →
// breakouts.go (open, close, timers) → breakoutmoves.go.
//
// A method of Service that does something takes the [Actor] who does it. What
// an actor may do is decided before, by the permission table of control/auth,
// from [Service.ScopeChain] and [Service.Grants]; here it is only seen to that
// nobody reaches into another organisation.
//
// Rules kept here (numbers of the specification):
//
//   - R-T-0, R-T-2: an organisation comes with its first system administrator,
//     a unit with its administrators and reporters; who has no account is
//     invited by a single-use link, 7 days ([InvitationLifetime]).
//   - R-T-1: an organisation holds everything else; an id leads to its
//     [Scope]s up to there.
//   - R-T-4: unknown, foreign and deleted things answer identically:
//     [ErrNotFound].
//   - R-T-5: units, areas and meeting rooms are soft-deleted; a name is unique
//     below its parent (case, width and composition don't count) and free
//     again after a deletion; a slug never changes and is never given again.
//     Of a unit that was deleted its reports remain, for who may read reports on
//     it ([Service.PastUnitChain]); for everybody else it isn't there.
//   - R-P-2: roles are read anew for every request; a disabled account has
//     none. Who loses the role that they sit in a call by is taken out in the
//     same transaction (standing.go). The last system administrator stays.
//   - R-IA-1, R-GC-1, R-MR-1: at most 5, 61 and 6 people ([RoomType.Limit]).
//     Who is in a call or on the way to it is counted in the transaction that
//     admits, and media enforces a room's capacity as well.
//   - R-IA-2: a guest reads their own visit only ([Service.GuestView]).
//   - R-IA-3, R-IA-4: appointments ([Service.Book]), links into a call
//     ([Service.InviteToCall]), a waiting guest added to a call
//     ([Service.Admit]).
//   - R-IA-5: who joins a guest that somebody sees confirms it; without a
//     provider everybody else is put on hold (change.leaveCall).
//   - R-GC-4, R-GC-7: breakouts are where participants belong while they are
//     open (Breakouts.Places), so that to open, move and close is to place, as
//     everything else (placement.go); their end stands in the store and is
//     kept by the scheduler, whoever is connected (R-GC-6), and is what all rooms
//     of the call show ([RoomControls]): to who comes late or back, too.
//   - R-WA-1, R-WA-4, R-WA-7: the queue is in order of arrival, also after a
//     transfer; a lost connection keeps its place for [SeatTime].
//   - R-CN-2, R-CN-4: what a Consult Now link can become is the table in
//     consultstate.go; it is used up in the transaction that lets its one
//     guest in ([Service.EnterByLink]).
//   - R-MR-4: guests alone in a meeting room are let go after [AloneTime].
//   - R-GC-1: [MaxGroupParticipants] beside the host, whose seat is kept; the
//     next is refused in the transaction that would admit, and stays in the
//     lobby ([Service.AdmitToGroup]).
//   - R-GC-2: a group's link registers and leads nowhere else; the personal link
//     that it gives requests access; who waits stands in the group's lobby, alone
//     and in no queue ([Service.EnterByLink], [Service.GroupLobby]).
//   - R-GC-3: a session ends [GroupTime] after its start; its end and its
//     warnings are times in the store (group_time.go).
//   - R-GC-5: what a moderator stopped stands in the call's record, by person:
//     who leaves and comes back is muted as before; when all are muted, so are
//     guests who come later for the first time. Taken back, or asked to unmute,
//     they unmute themselves (moderation.go). Who was removed finds every way
//     back dead: link, token, connection. Where a group's registration is open
//     they may register anew, as a stranger: what they had typed is erased (R-PV-1),
//     and was no proof of who they are. Then they wait to be admitted like anybody;
//     once registration is closed, or the session locked, they don't get that far.
//     Initials are all of a name that leaves the server.
//   - R-GC-6: who is in charge follows from who is connected, in the same
//     transaction (change.succeed); a group's call runs on without staff.
//   - R-WA-2: opening hours are those of a clock on the area's wall
//     ([Hours.Open]); suspension overrides them.
//   - R-MR-4: a link that was reset is dead with the commit.
//   - R-PV-1: names of people and the secrets of links stand in the store
//     only sealed; details of guests, and what is sent, by keys of the [Vault]
//     that are overwritten (details.go).
//   - R-PV-2: every change appends to its organisation's [AuditRecord]s in its
//     own transaction, each with the hash of the one before; a [SignedHead]
//     shows altering and cutting off ([VerifyAudit], [Service.CheckAudit]).
//   - R-T-3, R-RP: what ends is kept as a row and added to totals in the
//     transaction that ends it (reports.go); [Service.Report] reads both. The
//     arithmetic is control/report's.
//   - SE-4, SE-12: persist before applying: a room is deleted on disk before
//     its call is ended; a link is used up in the transaction that lets in.
//   - SE-20: the clock never goes backward (steadyClock); what has expired is
//     also marked so.
//   - SE-5: secrets are looked up by SHA-256 digest, e-mail addresses by HMAC.
//
// A name is trimmed, 1 to 80 runes of valid UTF-8 without control characters
// or bidirectional overrides ([CleanName]).
package control
