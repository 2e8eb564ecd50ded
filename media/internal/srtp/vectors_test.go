package srtp

import (
	"bytes"
	"crypto/aes"
	"testing"
)

// RFC 3711 appendix B.3.
func TestKeyDerivationVectors(t *testing.T) {
	master, err := aes.NewCipher(unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139"))
	if err != nil {
		t.Fatal(err)
	}
	salt := unhex(t, "0EC675AD498AFEEBB6960B3AABE6")
	for label, want := range map[byte]string{
		labelKey:  "C61E7A93744F39EE10734AFE3FF7A087",
		labelAuth: "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4",
		labelSalt: "30CBBC08863D8C85D49DB34A9AE1",
	} {
		if got := derive(master, salt, label, len(want)/2); !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("label %d: %x", label, got)
		}
	}
}

// RFC 3711 appendix B.2: the key stream, at its beginning and after 65,279
// blocks.
func TestCounterModeVectors(t *testing.T) {
	s, err := sessionOf(AES128CMSHA1, unhex(t, "2B7E151628AED2A6ABF7158809CF4F3C"), make([]byte, authKeyLen),
		unhex(t, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
	if err != nil {
		t.Fatal(err)
	}
	stream := make([]byte, 0xFF02*aes.BlockSize)
	s.transform().(*cm).crypt(stream, stream, 0, 0)
	for block, want := range map[int]string{
		0:      "E03EAD0935C95E80E166B16DD92B4EB4",
		1:      "D23513162B02D0F72A43A2FE4A5F97AB",
		2:      "41E95B3BB0A2E8DD477901E4FCA894C0",
		0xFEFF: "EC8CDF7398607CB0F2D21675EA9EA1E4",
		0xFF00: "362B7C3C6773516318A077D7FC5073AE",
		0xFF01: "6A2CC3787889374FBEB4C81B17BA6C44",
	} {
		if got := stream[block*aes.BlockSize:][:aes.BlockSize]; !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("block %x: %x", block, got)
		}
	}
}

// RFC 7714 sections 16.1.1 and 16.2.1.
func TestGCMVectors(t *testing.T) {
	const (
		key   = "000102030405060708090a0b0c0d0e0f"
		plain = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976" +
			"69736120 696e2070 61727465 73207472 6573"
	)
	for _, tt := range []struct {
		profile   Profile
		key, want string
	}{
		{AES128GCM, key, "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5" +
			"0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce"},
		{AES256GCM, key + "101112131415161718191a1b1c1d1e1f", "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa" +
			"332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13"},
	} {
		t.Run(tt.profile.String(), func(t *testing.T) {
			s, err := sessionOf(tt.profile, unhex(t, tt.key), nil, unhex(t, "517569642070726f2071756f"))
			if err != nil {
				t.Fatal(err)
			}
			packet := unhex(t, plain)
			out := make([]byte, len(packet)+gcmTag)
			copy(out, packet[:headerMin])
			s.transform().seal(out, headerMin, packet[headerMin:], 0x5501a0b2, 0xf17b)
			if !bytes.Equal(out, unhex(t, tt.want)) {
				t.Fatalf("sealed: %x", out)
			}
			got, err := s.decryptor().DecryptInPlace(out, headerMin)
			if err != nil || !bytes.Equal(got, packet) {
				t.Errorf("opened: %x, %v", got, err)
			}
		})
	}
}
