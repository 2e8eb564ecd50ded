// Package remote is the part of the command line that speaks to a running
// server over its API: organisations, units, areas, rooms, grants, accounts,
// keys and reports.
//
// The commands are data ([Groups]): a method and a path, which arguments and
// flags fill it in, and the columns of the table that people get. One small
// engine runs them all; --json prints the server's answer as it came.
package remote
