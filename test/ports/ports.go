// Package ports finds addresses for processes that tests start and cannot ask where
// they listen.
package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// The ports are below those that systems give to connections, and to who listens on
// any port: such a one could be taken before the process begins, or while it is down.
// From 20,000 on they are package apache's.
const first, behind = 10_000, 20_000

// given are the addresses that somebody has, whether he listens yet or not.
var given sync.Map

// Free is an address of this machine on which nobody listens. It is another one each time.
func Free() (string, error) {
	var err error
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(behind-first)))
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("looking for a free port: %w", err)
}
