// Package auth makes and checks the secrets of the control plane.
//
//   - [Policy] answers from the one permission table, [Table] (R-P-1).
//   - [Sessions] and [Passwords] are how staff sign in (SE-5): argon2id, two
//     hashes at once, ten failures in a quarter of an hour.
//   - [Vault] is the file of the keys that are overwritten when a guest's
//     details must go (R-PV-1).
//   - [OperatorKey] is that of who runs the deployment.
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
