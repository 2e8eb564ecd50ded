// Package logs makes the process's log: JSON as a service, text on a
// terminal, with a level that can change while it runs; and lets pion's
// libraries write into it.
package logs
