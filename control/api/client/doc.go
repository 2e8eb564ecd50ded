// Package client calls Atrium's HTTP API from Go. It imports nothing else of
// Atrium, so that an app can use it without the server.
//
// [New] makes a [Client]; its methods are the routes. Every error that the
// server reports is an [*Error] with the stable code of the problem.
//
// The one contract to know: methods that create something take an idempotency
// key; with one, a request that failed half-way can be repeated safely.
package client
