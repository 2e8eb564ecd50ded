package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// TokenLifetime is how long a join token is good for, at most (SE-7).
	TokenLifetime = 5 * time.Minute

	tokenIssuer   = "atrium"
	tokenAudience = "signal"
	maxToken      = 4 << 10 // bytes; a name of 80 runes takes 320 at most
)

// Errors of Verify.
var (
	// ErrExpired: the token was good once.
	ErrExpired = errors.New("the join token has expired")
	// ErrInvalid: it is no join token of this deployment.
	ErrInvalid = errors.New("the join token is not valid")
)

// JoinClaims is what a join token says: this participant may take a seat in
// this room.
type JoinClaims struct {
	ID             string // jti: unique; a token is for single use
	ParticipantID  string // UUID version 7
	OrganisationID string
	RoomID         string
	Name           string // shown to the others
	Role           string // moderator, participant, viewer
	IssuedAt       time.Time
	ExpiresAt      time.Time // at most TokenLifetime after IssuedAt
}

// wireClaims are the JSON names of JoinClaims.
type wireClaims struct {
	jwt.RegisteredClaims
	Organisation string `json:"org"`
	Room         string `json:"room"`
	Name         string `json:"name"`
	Role         string `json:"role"`
}

// Tokens issues and verifies join tokens. It may be used concurrently.
type Tokens struct {
	keys *Keys
	now  func() time.Time
}

// NewTokens uses the keys and the clock; now may be nil for the wall clock.
func NewTokens(keys *Keys, now func() time.Time) *Tokens {
	if now == nil {
		now = time.Now
	}
	return &Tokens{keys: keys, now: now}
}

// Issue signs a token. The same claims give the same token, as Ed25519 is
// deterministic. It fails when a claim is missing or the lifetime exceeds
// TokenLifetime.
func (t *Tokens) Issue(c JoinClaims) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("issue a join token: %w", err)
	}
	key := t.keys.signing[0]
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    tokenIssuer,
			Audience:  jwt.ClaimStrings{tokenAudience},
			Subject:   c.ParticipantID,
			ID:        c.ID,
			IssuedAt:  jwt.NewNumericDate(c.IssuedAt),
			ExpiresAt: jwt.NewNumericDate(c.ExpiresAt),
		},
		Organisation: c.OrganisationID,
		Room:         c.RoomID,
		Name:         c.Name,
		Role:         c.Role,
	})
	token.Header["kid"] = key.id
	signed, err := token.SignedString(key.private)
	if err != nil {
		return "", fmt.Errorf("issue a join token: %w", err)
	}
	return signed, nil
}

// Verify returns what a token says, or ErrExpired or ErrInvalid, which say
// nothing more: the details would only help a forger.
func (t *Tokens) Verify(token string) (JoinClaims, error) {
	if len(token) > maxToken {
		return JoinClaims{}, ErrInvalid
	}
	var w wireClaims
	_, err := jwt.ParseWithClaims(token, &w, t.key,
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(tokenIssuer),
		jwt.WithAudience(tokenAudience),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(t.now),
		jwt.WithStrictDecoding())
	switch {
	case onlyExpired(err):
		return JoinClaims{}, ErrExpired
	case err != nil || w.IssuedAt == nil:
		return JoinClaims{}, ErrInvalid
	}
	c := JoinClaims{
		ID:             w.ID,
		ParticipantID:  w.Subject,
		OrganisationID: w.Organisation,
		RoomID:         w.Room,
		Name:           w.Name,
		Role:           w.Role,
		IssuedAt:       w.IssuedAt.Time,
		ExpiresAt:      w.ExpiresAt.Time,
	}
	if c.check() != nil {
		return JoinClaims{}, ErrInvalid
	}
	return c, nil
}

// key finds the key that a token names.
func (t *Tokens) key(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	for _, key := range t.keys.signing {
		if key.id == id {
			return key.private.Public(), nil
		}
	}
	return nil, ErrInvalid
}

// onlyExpired says whether the token's age is all that is wrong with it.
func onlyExpired(err error) bool {
	return errors.Is(err, jwt.ErrTokenExpired) &&
		!errors.Is(err, jwt.ErrTokenInvalidAudience) &&
		!errors.Is(err, jwt.ErrTokenInvalidIssuer)
}

func (c JoinClaims) check() error {
	switch {
	case c.ID == "" || c.ParticipantID == "" || c.OrganisationID == "" || c.RoomID == "" || c.Role == "":
		return errors.New("a claim is missing")
	case c.ExpiresAt.Sub(c.IssuedAt) > TokenLifetime || !c.ExpiresAt.After(c.IssuedAt):
		return errors.New("the lifetime is out of range")
	}
	return nil
}
