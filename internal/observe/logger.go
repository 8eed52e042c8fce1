package observe

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/callfold/callfold/internal/settings"
)

// NewLogger is a logger that writes to w as the settings say.
func NewLogger(s settings.Log, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Level)); err != nil {
		return nil, fmt.Errorf("log.level %q is not known; use debug, info, warn or error", s.Level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log.format %q is not known; use json or text", s.Format)
}
