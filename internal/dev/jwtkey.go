package dev

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/callfold/callfold/internal/salesforce"
)

// jwtKeys reads, and the first time makes, the private key with which clients
// can sign in to the simulator by the JWT flow. It returns its public half.
func jwtKeys(dir string) ([]crypto.PublicKey, error) {
	path := jwtKeyFile(dir)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeJWTKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the simulator's JWT key: %w", err)
	}
	key, err := salesforce.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("reading the simulator's JWT key %s (delete it to have a new one): %w", path, err)
	}
	return []crypto.PublicKey{key.Public()}, nil
}

func jwtKeyFile(dir string) string { return filepath.Join(dir, "jwt-key.pem") }

func makeJWTKey(path string) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return text, os.WriteFile(path, text, 0o600)
}
