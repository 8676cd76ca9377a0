package git

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"testing"
)

// A few bytes of delta can make a file of any size.
func TestDeltaBomb(t *testing.T) {
	var pack bytes.Buffer
	pack.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x02")
	object := func(kind byte, content []byte, base ...byte) {
		pack.WriteByte(kind<<4 | byte(len(content)))
		pack.Write(base)
		z := zlib.NewWriter(&pack)
		_, _ = z.Write(content)
		_ = z.Close()
	}
	start := pack.Len()
	object(3, []byte("base"))
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, 4), 1<<40)
	object(6, append(delta, 0x90, 4), byte(pack.Len()-start))
	sum := sha1.Sum(pack.Bytes())
	pack.Write(sum[:])

	err := checkSizes(bytes.NewReader(pack.Bytes()), 1000)
	if want := "not allowed: it holds a file or another object of 1099511627776 bytes, at most 1000"; !errors.Is(err, ErrRefused) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
