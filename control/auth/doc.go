// Package auth makes and checks the secrets of the control plane.
//
//   - [Keys] is the key file: the keys that sign join tokens and the one that
//     seals what must be shown again (SE-5). It is a file of its own, so that
//     a backup of the data holds ciphertext only (R-PV-1).
//   - [Tokens] issues and verifies join tokens: JWT, EdDSA, one participant,
//     at most five minutes (SE-7).
//   - [Keys.NewAPIKey], [APIKeyDigest], [Keys.NewLink] and [LinkDigest] make
//     and recognise API keys and links. Only SHA-256 digests are ever stored:
//     the secrets are random and of 144 bits or more, so that a slow hash
//     would add nothing.
//
// The one contract to know: nothing here logs, and no error holds a secret.
package auth
