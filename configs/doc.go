// Package configs is the configuration of the atrium binary: Config, a tree
// made of the Config that each package declares for itself, and Load, which
// fills it from (strongest first) flags, the environment, a YAML file and the
// defaults.
//
// The contract: every key has one name in three spellings. media.udp_port in
// the file is ATRIUM_MEDIA_UDP_PORT in the environment and --media-udp-port on
// the command line. Default, the annotated default.yaml, lists them all. What
// Load returns has been validated; what is wrong comes back as *Error, which
// names the file and line (or the variable, or the flag), the key, what to do
// and, for a misspelt key, the nearest valid one.
//
// Only cmd/atrium loads configuration; no other package imports this one.
// Beside the code stands what operators install: a systemd unit, a container
// file, Prometheus alerts and a Grafana dashboard.
package configs
