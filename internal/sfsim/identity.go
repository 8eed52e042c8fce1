package sfsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxAssertionLife is how far ahead a JWT's exp may be ("OAuth 2.0 JWT Bearer Flow
// for Server-to-Server Integration", Salesforce Help).
const maxAssertionLife = 3 * time.Minute

// tokenError is a refusal of the token endpoint, in OAuth's shape.
type tokenError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// serveIdentity answers everything around signing in.
func (s *Server) serveIdentity(r *http.Request) (string, *response) {
	switch path := strings.TrimSuffix(r.URL.Path, "/"); {
	case path == "/services/oauth2/token":
		return "token", s.faulty("token", r, ready(func() *response { return s.token(r) }))
	case path == "/services/oauth2/revoke":
		return "revoke", s.faulty("revoke", r, ready(func() *response {
			s.sessions.end(r.FormValue("token"))
			return newResponse(http.StatusOK, nil)
		}))
	case path == "/services/oauth2/userinfo" || strings.HasPrefix(path, "/id/"+organizationID+"/"):
		return "userinfo", s.faulty("userinfo", r, ready(func() *response { return s.userinfo(r) }))
	}
	return "other", failure(notFound())
}

// token is POST /services/oauth2/token: client credentials and the JWT bearer flow.
func (s *Server) token(r *http.Request) *response {
	if r.Method != http.MethodPost {
		return failure(fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "HTTP Method '%s' not allowed. Allowed are POST", r.Method))
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		return refuseToken("invalid_request", "the form cannot be read")
	}
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "client_credentials":
		return s.clientCredentials(r)
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return s.jwtBearer(r)
	case "":
		return refuseToken("invalid_request", "must have a grant type")
	}
	return refuseToken("unsupported_grant_type", "grant type not supported")
}

func refuseToken(code, description string) *response {
	return answer(http.StatusBadRequest, tokenError{code, description})
}

// clientCredentials signs the run-as user in. The client's id and secret come in
// the form or as HTTP Basic.
func (s *Server) clientCredentials(r *http.Request) *response {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, basic := r.BasicAuth(); basic {
		id, secret = user, password
	}
	if id != s.options.ClientID {
		return refuseToken("invalid_client_id", "client identifier invalid")
	}
	if subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret)) != 1 {
		return refuseToken("invalid_client", "invalid client credentials")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.signIn(r, s.runAs)
}

// jwtBearer signs in the user whom a signed assertion names.
func (s *Server) jwtBearer(r *http.Request) *response {
	var keys jwt.VerificationKeySet
	for _, k := range s.options.JWTKeys {
		keys.Keys = append(keys.Keys, k)
	}
	claims := jwt.MapClaims{}
	// The claims are judged below, in Salesforce's words; here only the signature.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber())
	_, err := parser.ParseWithClaims(r.PostForm.Get("assertion"), claims, func(*jwt.Token) (any, error) { return keys, nil })
	if issuer, _ := claims["iss"].(string); len(claims) > 0 && issuer != s.options.ClientID {
		return refuseToken("invalid_client_id", "client identifier invalid")
	}
	if err != nil {
		return refuseToken("invalid_grant", "invalid assertion")
	}
	audience, _ := claims.GetAudience()
	own := baseURL(r)
	accepted := []string{"https://login.salesforce.com", "https://test.salesforce.com", own, own + "/services/oauth2/token"}
	if !slices.ContainsFunc(audience, func(a string) bool { return slices.Contains(accepted, strings.TrimSuffix(a, "/")) }) {
		return refuseToken("invalid_grant", "audience is invalid")
	}
	exp, err := strconv.ParseInt(numberText(claims["exp"]), 10, 64)
	if err != nil {
		return refuseToken("invalid_grant", "the exp claim must be an integer")
	}
	switch now := s.now(); {
	case time.Unix(exp, 0).Before(now):
		return refuseToken("invalid_grant", "expired assertion")
	case time.Unix(exp, 0).After(now.Add(maxAssertionLife)):
		return refuseToken("invalid_grant", "assertion is valid for too long: exp must be within 3 minutes")
	}
	subject, _ := claims["sub"].(string)
	s.mu.RLock()
	defer s.mu.RUnlock()
	users := s.schema.object("User")
	user := s.tables["User"].byUnique(users.byName["username"], subject)
	if user == nil {
		return refuseToken("invalid_grant", "user hasn't approved this consumer")
	}
	return s.signIn(r, user.text(users.id))
}

// numberText returns a JSON number as it was written; "" for anything else.
func numberText(v any) string {
	if n, ok := v.(interface {
		String() string
		Int64() (int64, error)
	}); ok {
		return n.String()
	}
	return ""
}

// signIn opens a session for the user, who must be active. The caller holds the lock.
func (s *Server) signIn(r *http.Request, userID string) *response {
	users := s.schema.object("User")
	if user := s.tables["User"].get(userID); user == nil || !user.flag(users.at("IsActive")) {
		return refuseToken("invalid_grant", "inactive user")
	}
	now := s.now()
	base := baseURL(r)
	id := base + "/id/" + organizationID + "/" + userID
	issued := strconv.FormatInt(now.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(s.options.ClientSecret))
	mac.Write([]byte(id + issued))
	resp := answer(http.StatusOK, map[string]string{
		"access_token": s.sessions.open(userID, now.Add(s.options.SessionLife), s.options.SessionUses),
		"instance_url": base,
		"id":           id,
		"token_type":   "Bearer",
		"issued_at":    issued,
		"scope":        "api id",
		"signature":    base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
	resp.header.Set("Cache-Control", "no-store")
	return resp
}

// userinfo answers GET /services/oauth2/userinfo and the identity URL, in so far
// as clients look at them.
func (s *Server) userinfo(r *http.Request) *response {
	id, ok := s.session(r)
	if !ok {
		return newResponse(http.StatusForbidden, []byte(`"Bad_OAuth_Token"`))
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	users := s.schema.object("User")
	user := s.tables["User"].get(id)
	base := baseURL(r)
	identity := base + "/id/" + organizationID + "/" + id
	return answer(http.StatusOK, map[string]any{
		"sub": identity, "id": identity,
		"user_id": id, "organization_id": organizationID, "active": true,
		"preferred_username": user[users.at("Username")], "username": user[users.at("Username")],
		"name": user[users.at("Name")], "display_name": user[users.at("Name")], "email": user[users.at("Email")],
		"urls": map[string]string{
			"rest": base + "/services/data/v{version}/", "sobjects": base + "/services/data/v{version}/sobjects/",
			"query": base + "/services/data/v{version}/query/",
		},
	})
}
