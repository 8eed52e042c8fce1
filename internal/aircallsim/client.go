package aircallsim

import (
	"net/http"
	"net/http/httptest"
)

// Client asks the server without a network, as in a bubble of virtual time.
func (s *Server) Client() *http.Client { return &http.Client{Transport: direct{s}} }

type direct struct{ *Server }

// RoundTrip implements [http.RoundTripper].
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w.Result(), nil
}
