package render

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// settings is the first frame that a renderer process gets, started its answer.
type settings struct {
	Time            time.Duration
	Memory, Objects int64
}

type started struct {
	// Missing are the protections that this machine does not have.
	Missing []string
}

// request is a job as it travels: CBOR has no maps whose keys are structs.
type request struct {
	Job    engine.Job
	Charts []archive
}

type archive struct {
	Chart   engine.Chart
	Content []byte
}

// response is what became of a job.
type response struct {
	Output engine.Output
	// Error is for the addon's owner, empty when it went well.
	Error string
	// Tainted says that the process must not render anything else.
	Tainted bool
}

// What a frame may hold. Names and texts of a job are as long as files may be, so only the result has limits of its own.
const (
	maxRequest  = 512 << 20
	maxResponse = 64 << 20
	maxNesting  = 1024
	maxElements = 1 << 20
)

// CBOR keeps integers and floats apart and carries bytes as they are, both of which JSON does not.
var encoding, decoding = func() (cbor.EncMode, cbor.DecMode) {
	e, errE := cbor.EncOptions{Sort: cbor.SortBytewiseLexical}.EncMode()
	d, errD := cbor.DecOptions{
		DefaultMapType:   reflect.TypeFor[map[string]any](),
		IntDec:           cbor.IntDecConvertSigned,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxElements,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
	}.DecMode()
	if err := errors.Join(errE, errD); err != nil {
		panic(err)
	}
	return e, d
}()

var errFrame = errors.New("a frame is too large")

// write sends a value as its length and its encoding.
func write(to io.Writer, v any, limit int) error {
	data, err := encoding.Marshal(v)
	if err != nil {
		return err
	}
	if len(data) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", errFrame, len(data), limit)
	}
	if _, err := to.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data)))); err != nil {
		return err
	}
	_, err = to.Write(data)
	return err
}

// read takes a value that write has sent.
func read(from io.Reader, v any, limit int) error {
	var head [4]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if int64(n) > int64(limit) {
		return fmt.Errorf("%w: %d bytes, at most %d", errFrame, n, limit)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(from, data); err != nil {
		return err
	}
	return decoding.Unmarshal(data, v)
}

// size estimates the memory that a value of an object takes, and gives up at a limit.
func size(v any, limit int64) int64 {
	n := int64(16)
	switch v := v.(type) {
	case string:
		n += int64(len(v))
	case []any:
		for _, inner := range v {
			if n += size(inner, limit-n); n > limit {
				return n
			}
		}
	case map[string]any:
		n += 48
		for key, inner := range v {
			if n += 32 + int64(len(key)) + size(inner, limit-n); n > limit {
				return n
			}
		}
	}
	return n
}

// sizeOf is size for a whole result.
func sizeOf(out engine.Output, limit int64) (n int64) {
	for _, o := range out.Objects {
		if n += 256 + size(o.Content, limit-n); n > limit {
			return n
		}
	}
	return n
}
