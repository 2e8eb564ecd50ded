package media

import (
	"fmt"
	"slices"
)

// Publish announces that a send line carries a source now (active), or no
// longer does: then nothing of it is forwarded once it returns. Errors:
// ErrUnknownMid, ErrNotAllowed for viewers.
func (p *Participant) Publish(mid string, kind SourceKind, active bool) error {
	if p.role == RoleViewer && active {
		return ErrNotAllowed
	}
	p.mu.Lock()
	known := p.transport != nil && slices.ContainsFunc(p.transport.sources, func(s *Source) bool { return s.mid == mid && s.kind == kind })
	if !known {
		p.mu.Unlock()
		return ErrUnknownMid
	}
	p.announces[kind] = active
	silenced := p.updateSourcesLocked()
	p.mu.Unlock()
	p.sourcesChanged(silenced)
	return nil
}

// SetMuted mutes a source on behalf of its publisher: nothing of it is
// forwarded once it returns.
func (p *Participant) SetMuted(kind SourceKind, muted bool) error {
	return p.setMute(func() map[SourceKind]bool { return p.muted }, kind, muted)
}

// SetMutedByServer mutes a source on behalf of a moderator; only the server
// can take it back (R-GC-5).
func (p *Participant) SetMutedByServer(kind SourceKind, muted bool) error {
	return p.setMute(func() map[SourceKind]bool { return p.mutedServer }, kind, muted)
}

// MutedByServer says whether a moderator mutes a source, published or not.
func (p *Participant) MutedByServer(kind SourceKind) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mutedServer[kind]
}

func (p *Participant) setMute(which func() map[SourceKind]bool, kind SourceKind, muted bool) error {
	if !kind.Valid() {
		return fmt.Errorf("media: %q is not a source", kind)
	}
	p.mu.Lock()
	which()[kind] = muted
	silenced := p.updateSourcesLocked()
	p.mu.Unlock()
	p.sourcesChanged(silenced)
	return nil
}

// updateSourcesLocked tells the packet path which sources are forwarded. It
// returns those that were and no longer are, for sourcesChanged.
func (p *Participant) updateSourcesLocked() (silenced []*Source) {
	if p.transport == nil {
		return nil
	}
	for _, s := range p.transport.sources {
		forwards := p.announces[s.kind] && !p.muted[s.kind] && !p.mutedServer[s.kind]
		if s.forwards.Swap(forwards) && !forwards {
			silenced = append(silenced, s)
		}
	}
	return silenced
}

// sourcesChanged waits until nothing of the silenced sources is under way, and
// until the slots that showed them are shut: they open with a key frame.
func (p *Participant) sourcesChanged(silenced []*Source) {
	defer p.touchAttached()
	if len(silenced) == 0 {
		p.touch()
		return
	}
	for _, s := range silenced {
		s.fence()
	}
	p.engine.mux.Barrier()
	if r := p.Room(); r != nil {
		r.do(func() {})
	}
}
