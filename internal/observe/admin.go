package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// drain is how long requests in flight may take once the server is to stop.
const drain = 5 * time.Second

// AdminHandler serves /healthz, /readyz and /metrics.
func AdminHandler(health *Health, metrics prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health.serveAlive)
	mux.HandleFunc("GET /readyz", health.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

// ServeAdmin serves AdminHandler on the address listen (the setting
// admin.listen) until ctx ends; requests in flight then have five seconds.
func ServeAdmin(ctx context.Context, listen string, health *Health, metrics prometheus.Gatherer, logger *slog.Logger) error {
	listener, err := Listen(ctx, listen, "admin.listen in the settings")
	if err != nil {
		return err
	}
	logger.Info("serving health and metrics", "address", listener.Addr().String())
	server := &http.Server{Handler: AdminHandler(health, metrics), ReadHeaderTimeout: 5 * time.Second}
	return Serve(ctx, server, listener)
}

// Listen opens a TCP listener on addr. The error says by which flag or setting
// the address is changed.
func Listen(ctx context.Context, addr, flag string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, ListenError(err, addr, flag)
	}
	return listener, nil
}

// ListenError says in plain words why addr cannot be listened on, and by which
// flag or setting another is chosen: flag is "--listen", or "admin.listen in the
// settings". A nil error stays nil.
func ListenError(err error, addr, flag string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("the address %s is in use by another program; stop that program or choose another address with %s: %w", addr, flag, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("this user may not listen on %s; choose a port above 1023 with %s: %w", addr, flag, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("the address %s does not belong to this machine; choose another with %s: %w", addr, flag, err)
	}
	return fmt.Errorf("listening on %s (change it with %s): %w", addr, flag, err)
}

// Serve runs the server on the listener until ctx ends, then lets requests in
// flight finish for five seconds and cuts off the rest. It returns nil after
// such an end.
func Serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := server.Shutdown(grace)
	if served := <-stopped; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stopping the server on %s: %w", listener.Addr(), err)
	}
	return nil
}
