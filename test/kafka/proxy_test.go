package kafka

import (
	bigendian "encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// proxy stands between clients and a node. It passes everything on, and can cut
// all connections, or lose the answers to the ends of transactions.
type proxy struct {
	listener net.Listener
	mu       sync.Mutex
	upstream string
	conns    map[net.Conn]bool

	// loseEnds is how many more answers to EndTxn are lost, with their connections.
	loseEnds atomic.Int32
}

func newProxy() (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, conns: map[net.Conn]bool{}}
	go p.serve()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) to(upstream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = upstream
}

// cut closes all connections; new ones are taken.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *proxy) close() {
	p.listener.Close()
	p.cut()
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.pass(client)
	}
}

func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	upstream := p.upstream
	p.mu.Unlock()
	node, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer node.Close()
	p.mu.Lock()
	p.conns[client] = true
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, client)
	}()
	var lose atomic.Bool
	go func() {
		defer client.Close()
		defer node.Close()
		p.requests(node, client, &lose)
	}()
	answers(client, node, &lose)
}

// endTxn is the key of the request that ends a transaction.
const endTxn = 26

// requests passes requests on, one by one: four bytes of length, and the key of
// the request first.
func (p *proxy) requests(node io.Writer, client io.Reader, lose *atomic.Bool) {
	var head [6]byte
	for {
		if _, err := io.ReadFull(client, head[:]); err != nil {
			return
		}
		if _, err := node.Write(head[:]); err != nil {
			return
		}
		if _, err := io.CopyN(node, client, int64(bigendian.BigEndian.Uint32(head[:]))-2); err != nil {
			return
		}
		if bigendian.BigEndian.Uint16(head[4:]) == endTxn && p.loseEnds.Add(-1) >= 0 {
			lose.Store(true)
		}
	}
}

// answers passes answers on until one is to be lost.
func answers(client io.Writer, node io.Reader, lose *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := node.Read(buffer)
		if err != nil || lose.Load() {
			return
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
