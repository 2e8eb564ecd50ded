package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/cmd/atrium/internal/server"
	"github.com/atriumrtc/atrium/cmd/atrium/internal/terminal"
	"github.com/atriumrtc/atrium/cmd/internal/cpuprofile"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
)

// Defaults of dev where they differ from serve's.
const (
	devPlainAddress = "localhost:8080"
	devAddress      = ":8443"
	devDrain        = 2 * time.Second
)

func (a *app) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Try it out: needs no configuration, keeps nothing",
		Long: "Try it out: starts a server with a demo room and prints its links.\n\n" +
			"Data is temporary and goes when it ends. HTTP is served on this computer only, HTTPS with a self-made\n" +
			"certificate on the network (cameras need it). A port that is busy gives way to the next free one.",
		Args: cobra.NoArgs,
	}
	file := configFlag(cmd)
	httpPort := cmd.Flags().Uint16("http-port", 8080, "port of HTTP, on this computer only; 0 takes any")
	httpsPort := cmd.Flags().Uint16("https-port", 8443, "port of HTTPS; 0 takes any")
	readyFile := cmd.Flags().String("ready-file", "", "file to write addresses and API key to (JSON) once it serves")
	profile := cmd.Flags().String("cpu-profile", "", "file to write a CPU profile to, from the first SIGUSR1 to the second")
	cmd.RunE = does(func(cmd *cobra.Command, _ []string) (err error) {
		if *profile != "" {
			stop, problem := cpuprofile.Watch(*profile)
			if problem != nil {
				return fmt.Errorf("--cpu-profile: %w", problem)
			}
			defer func() { err = errors.Join(err, stop()) }()
		}
		// Short forms of http.plain_address and http.address: as strong.
		for name, address := range map[string]string{
			"http-port":  "http-plain-address=localhost:" + strconv.Itoa(int(*httpPort)),
			"https-port": "http-address=:" + strconv.Itoa(int(*httpsPort)),
		} {
			key, value, _ := strings.Cut(address, "=")
			if !cmd.Flags().Changed(name) {
				continue
			}
			if err := cmd.Flags().Set(key, value); err != nil {
				return err
			}
		}
		return a.dev(configs.Options{File: *file, Flags: cmd.Flags()}, *readyFile)
	})
	return cmd
}

func (a *app) dev(options configs.Options, readyFile string) (err error) {
	temp, err := os.MkdirTemp("", "atrium-dev-")
	if err != nil {
		return fmt.Errorf("make a temporary folder; set TMPDIR to one that this user may write to: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	defaults := configs.DefaultConfig()
	defaults.HTTP.PlainAddress, defaults.HTTP.Address = devPlainAddress, devAddress
	defaults.Drain.Timeout = devDrain
	defaults.Data.Dir = temp
	options.Defaults = &defaults
	cfg, err := configs.Load(options)
	if err != nil {
		return err
	}
	certificates, err := server.SelfMade(time.Now())
	if err != nil {
		return err
	}
	r := newRunner(a, cfg, options)
	s, err := server.New(server.Options{Config: cfg, Certificates: certificates, NextPort: true, Logger: r.log})
	if err != nil {
		return err
	}
	demo, err := s.Control().EnsureDemo(context.Background())
	if err != nil {
		return errors.Join(err, s.Close())
	}
	s.Start()
	l := linksOf(s, demo)
	a.welcome(l)
	if readyFile != "" {
		if err := l.writeTo(readyFile); err != nil {
			return errors.Join(err, s.Close())
		}
		defer func() { _ = os.Remove(readyFile) }() // it would be a lie from now on
	}
	return r.run(s)
}

// links are how a development server is reached; the JSON is that of
// --ready-file.
type links struct {
	URL         string `json:"url"`
	Admin       string `json:"admin_url"`
	AdminSocket string `json:"admin_socket"`
	OperatorKey string `json:"operator_key"`
	// APIKey holds every permission in the organisation.
	APIKey       string `json:"api_key"`
	Organisation string `json:"organisation"` // ids
	Unit         string `json:"unit"`
	Area         string `json:"area"`
	RoomURL      string `json:"room_url"` // of the rooms API
	AreaLink     string `json:"area_link"`
	MeetingLink  string `json:"meeting_link"`
	StaffLink    string `json:"staff_link"` // signs the provider in, once
	// Network and NetworkArea are the links of the room and the area for other
	// devices; "" without HTTPS.
	Network     string `json:"-"`
	NetworkArea string `json:"-"`
}

func linksOf(s *server.Server, demo control.Demo) links {
	l := links{
		Admin: s.MetricsURL(), AdminSocket: s.AdminSocket(), OperatorKey: s.OperatorKey(), APIKey: demo.APIKey,
		Organisation: demo.Organisation.ID, Unit: demo.Unit.ID, Area: demo.Area.ID,
	}
	room := "/r#" + demo.Room.Link
	if port := s.HTTPSPort(); port != 0 {
		l.URL = "https://localhost:" + strconv.Itoa(port)
		network := "https://" + net.JoinHostPort(server.LANAddress().String(), strconv.Itoa(port))
		l.Network, l.NetworkArea = network+room, network+control.PathGuest+demo.Area.Link
	}
	if port := s.PlainPort(); port != 0 {
		l.URL = "http://localhost:" + strconv.Itoa(port)
	}
	l.RoomURL = l.URL + room
	l.AreaLink = l.URL + control.PathGuest + demo.Area.Link
	l.MeetingLink = l.URL + control.PathGuest + demo.MeetingRoom.Link
	l.StaffLink = l.URL + control.PathAccount + demo.StaffLink
	return l
}

// welcome prints the links.
func (a *app) welcome(l links) {
	var b strings.Builder
	b.WriteString("\nAtrium runs. Try an appointment: sign in as the provider, and enter as the guest in another window.\n\n")
	b.WriteString("  provider        " + l.StaffLink + "\n")
	b.WriteString("                  (signs in once; it is good for 15 minutes)\n")
	b.WriteString("  guest           " + l.AreaLink + "\n")
	b.WriteString("  meeting room    " + l.MeetingLink + "\n\n")
	b.WriteString("Or just meet: open the demo room twice, or send somebody the second link.\n\n")
	b.WriteString("  this computer   " + l.RoomURL + "\n")
	if l.Network != "" {
		b.WriteString("  your network    " + l.Network + "\n")
		b.WriteString("  guest there     " + l.NetworkArea + "\n")
		b.WriteString("                  (the certificate is self-made: the browser warns once)\n")
	}
	b.WriteString("\n  API             " + l.URL + "/docs\n")
	b.WriteString("  API key         " + l.APIKey + "\n")
	if l.Admin != "" {
		b.WriteString("  metrics         " + l.Admin + "/metrics\n")
	}
	if l.Network != "" && logs.IsTerminal(a.out) {
		if code, err := terminal.QR(l.NetworkArea); err == nil {
			b.WriteString("\nThe guest's link, for a phone:\n\n" + code)
		}
	}
	b.WriteString("\nCtrl-C ends it; nothing is kept.\n\n")
	_, _ = fmt.Fprint(a.out, b.String()) // nobody reads along: it serves all the same
}

// writeTo writes the JSON beside the file and renames it into place, so that
// whoever waits for the file finds it whole.
func (l links) writeTo(name string) error {
	explain := func(err error) error {
		return fmt.Errorf("--ready-file: %s can't be written; name a file in a folder that this user may write to: %w", name, err)
	}
	content, err := json.Marshal(l)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".atrium-ready-*") // mode 0600: it holds a key
	if err != nil {
		return explain(err)
	}
	_, err = f.Write(append(content, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return explain(errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
