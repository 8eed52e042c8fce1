package app

import (
	"log/slog"
	"net/http"
	"time"
)

// WebServer serves the handler to the internet: with limits on how long a
// client may take and how much it may send before the handler looks at it.
func WebServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
