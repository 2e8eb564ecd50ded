// Package store keeps Atrium's durable state as ordered key-value records in
// transactions.
//
// [Store] and [Tx] are the contract; [Bolt] implements it on one bbolt file,
// and package storetest holds the suite that any further engine must pass.
//
// The one contract to know: when Update returns nil, what it wrote survives
// kill -9 and loss of power (SE-12); when it returns an error, nothing of it
// is visible to anybody, ever. Transactions are serialisable. The function
// given to Update may be run more than once, so it must have no effects but
// those on the Tx.
//
// Updates that are called at the same time share one commit to the disk, so
// that many writers get many times what one gets (PF-10). [Store].Watch tells
// readers which records committed transactions changed.
//
// [Open] checks the whole file before using it: structure, a CRC-32C of every
// record, and the count and digest of all records. A corrupt, truncated or
// foreign file is refused and not altered (SE-13).
package store
