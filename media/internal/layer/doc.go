// Package layer decides which encoding of a simulcast source, and which
// temporal layers of it, a receiver gets: [Select] and [TemporalLimit]. Both
// are pure functions of what is wanted and what there is.
package layer
