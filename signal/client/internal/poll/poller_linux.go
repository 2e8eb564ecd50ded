package poll

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batch is how many datagrams one system call reads. With UDP_GRO each may
	// hold the packets of a whole frame.
	batch = 16
	// datagramSize holds the largest datagram that GRO makes.
	datagramSize = 1 << 16
	// controlSize holds a timestamp and the size of the parts.
	controlSize = 128
	// receiveBuffer is what a socket may hold while another one is read: two key
	// frames of the largest encoding.
	receiveBuffer = 1 << 20
	// gather is how often the poller looks, so that it finds many packets each
	// time. The kernel's timestamps don't suffer from it.
	gather = time.Millisecond
	// ready is how many sockets one look at the poller finds.
	ready = 256
)

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// Poller reads the sockets of many clients. Make it with [New].
type Poller struct {
	epoll   int // of epoll(7)
	done    chan struct{}
	closing chan struct{}
	once    sync.Once

	// For the goroutine alone.
	messages [batch]message
	parts    [batch]unix.Iovec
	names    [batch]unix.RawSockaddrAny
	controls [batch][controlSize]byte
	buffers  []byte

	tasks tasks
	out   outbox

	mu      sync.Mutex // held while a socket is read
	sockets map[int32]*Socket
}

// New starts a poller. Errors: those of the kernel.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poll: %w", err)
	}
	p := &Poller{
		epoll: fd, done: make(chan struct{}), closing: make(chan struct{}),
		buffers: make([]byte, batch*datagramSize), sockets: map[int32]*Socket{},
	}
	for i := range p.messages {
		p.parts[i].Base = &p.buffers[i*datagramSize]
		p.parts[i].SetLen(datagramSize)
		h := &p.messages[i].header
		h.Iov, h.Name, h.Control = &p.parts[i], (*byte)(unsafe.Pointer(&p.names[i])), &p.controls[i][0]
		h.SetIovlen(1)
	}
	go p.run()
	return p, nil
}

// Close ends the goroutine. Sockets that are still open stay silent.
func (p *Poller) Close() error {
	var err error
	p.once.Do(func() {
		close(p.closing)
		<-p.done
		// Listen must not meet another file of the same number.
		p.mu.Lock()
		defer p.mu.Unlock()
		err = unix.Close(p.epoll)
		p.epoll = -1
	})
	return err
}

func (p *Poller) run() {
	defer close(p.done)
	rest := time.NewTicker(gather)
	defer rest.Stop()
	var events [ready]unix.EpollEvent
	for {
		// It never waits: a look a millisecond is cheaper than to be woken by
		// each packet, by epoll or by the Go runtime's own poller.
		n, err := unix.EpollWait(p.epoll, events[:], 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		p.tasks.runDue(time.Now())
		for i := range max(0, n) {
			p.serve(events[i].Fd)
		}
		if n == ready {
			continue // there are more
		}
		select {
		case <-rest.C:
		case <-p.closing:
			return
		}
	}
}

// serve reads one socket until it is empty.
func (p *Poller) serve(fd int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sockets[fd]
	if s == nil {
		return // closed meanwhile
	}
	for n := batch; n == batch; {
		for i := range p.messages {
			h := &p.messages[i].header
			h.Namelen = uint32(unsafe.Sizeof(p.names[i]))
			h.SetControllen(controlSize)
		}
		// It never waits, so that the scheduler needn't know of it.
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd),
			uintptr(unsafe.Pointer(&p.messages[0])), batch, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return // empty, or an ICMP error, which says nothing that ICE doesn't find out
		}
		n = int(r)
		for i := range n {
			p.hand(s, i)
		}
	}
}

// hand gives the packets of one datagram to the filter.
func (p *Poller) hand(s *Socket, i int) {
	m := &p.messages[i]
	data := p.buffers[i*datagramSize:][:m.length]
	at, size := control(p.controls[i][:m.header.Controllen])
	if size <= 0 {
		size = len(data)
	}
	var from netip.AddrPort
	for len(data) > 0 {
		packet := data[:min(size, len(data))]
		data = data[len(packet):]
		if !s.filter(packet, at) {
			continue
		}
		if !from.IsValid() {
			from = addressOf(&p.names[i])
		}
		s.pass(packet, from)
	}
}

// control reads when a datagram arrived, and the size of its parts; 0: it is
// one.
func control(b []byte) (at time.Time, size int) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		length := int(h.Len)
		if length < unix.SizeofCmsghdr || length > len(b) {
			break
		}
		value := b[unix.CmsgLen(0):length]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS && len(value) >= int(unsafe.Sizeof(unix.Timespec{})):
			at = time.Unix((*unix.Timespec)(unsafe.Pointer(&value[0])).Unix())
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(value) >= 4:
			size = int(*(*int32)(unsafe.Pointer(&value[0])))
		}
		b = b[min(len(b), unix.CmsgSpace(length-unix.CmsgLen(0))):]
	}
	if at.IsZero() {
		at = time.Now()
	}
	return at, size
}

func addressOf(sa *unix.RawSockaddrAny) netip.AddrPort {
	port := func(p *uint16) uint16 {
		b := (*[2]byte)(unsafe.Pointer(p)) // network byte order
		return uint16(b[0])<<8 | uint16(b[1])
	}
	if sa.Addr.Family == unix.AF_INET {
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(in.Addr), port(&in.Port))
	}
	in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
	return netip.AddrPortFrom(netip.AddrFrom16(in.Addr), port(&in.Port))
}

// Socket is one client's UDP socket, and an ice.UDPMux for its agent. Make it
// with [Poller.Listen].
type Socket struct {
	poller  *Poller
	address *net.UDPAddr
	filter  func(packet []byte, at time.Time) (pass bool)

	mu   sync.RWMutex // also keeps fd open while something is sent
	fd   int          // -1: closed
	pipe *pipe        // nil: no agent yet
}

// Listen opens a socket on an address of this host, on any free port. filter
// is asked for each datagram, with the time at which the kernel got it; what it
// says true of goes on to the ICE agent. Errors: those of the kernel.
func (p *Poller) Listen(ip netip.Addr, filter func(packet []byte, at time.Time) (pass bool)) (*Socket, error) {
	fd, address, err := open(ip)
	if err != nil {
		return nil, fmt.Errorf("poll: open a UDP socket on %v: %w", ip, err)
	}
	s := &Socket{poller: p, address: net.UDPAddrFromAddrPort(address), filter: filter, fd: fd}
	p.mu.Lock()
	defer p.mu.Unlock()
	err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	if err != nil {
		_ = unix.Close(fd) // the first error is the one to know
		return nil, fmt.Errorf("poll: %w", err)
	}
	p.sockets[int32(fd)] = s
	return s, nil
}

// Run lets a task be called on the poller's goroutine, at once and then as it
// says, to the millisecond; all that it sends through the socket leaves by one
// system call. The task must not block, nor end itself by stop, which waits for
// a call under way.
func (s *Socket) Run(task Task) (stop func()) { return s.poller.tasks.add(s, task, time.Now()) }

// open makes a socket and says where it is.
func open(ip netip.Addr) (fd int, address netip.AddrPort, err error) {
	family, bind := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: ip.As16()})
	if ip.Is4() {
		family, bind = unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4()}
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, address, err
	}
	// Without any of these it works too, only worse: an old kernel, or no
	// privilege to go beyond the system's limit.
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	var name unix.Sockaddr
	if err = unix.Bind(fd, bind); err == nil {
		name, err = unix.Getsockname(fd)
	}
	if err != nil {
		_ = unix.Close(fd) // the first error is the one to know
		return -1, address, err
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		address = netip.AddrPortFrom(ip, uint16(name.Port))
	case *unix.SockaddrInet6:
		address = netip.AddrPortFrom(ip, uint16(name.Port))
	}
	return fd, address, nil
}

// pass hands a datagram to the agent.
func (s *Socket) pass(packet []byte, from netip.AddrPort) {
	s.mu.RLock()
	p := s.pipe
	s.mu.RUnlock()
	if p != nil {
		p.put(packet, from)
	}
}

func (s *Socket) send(b []byte, to netip.AddrPort) (int, error) {
	if s.poller.out.take(s, b, to) {
		return len(b), nil
	}
	var name unix.Sockaddr = &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	if s.address.IP.To4() != nil {
		if !to.Addr().Unmap().Is4() {
			return 0, unix.EAFNOSUPPORT
		}
		name = &unix.SockaddrInet4{Addr: to.Addr().Unmap().As4(), Port: int(to.Port())}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.fd < 0 {
		return 0, net.ErrClosed
	}
	if err := unix.Sendto(s.fd, b, unix.MSG_DONTWAIT, name); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close implements ice.UDPMux. The filter isn't called any more when it
// returns.
func (s *Socket) Close() error {
	s.poller.mu.Lock()
	defer s.poller.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil
	}
	delete(s.poller.sockets, int32(s.fd))
	fd := s.fd
	s.fd = -1
	if s.pipe != nil {
		_ = s.pipe.Close() // never fails
	}
	return unix.Close(fd) // which takes it off epoll
}
