package webhook

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// body reads the whole body. Release gives the memory back, and must be called also after an error.
func (r *Reader) body(w http.ResponseWriter, req *http.Request) (data []byte, release func(), err error) {
	counted := &counted{reader: http.MaxBytesReader(w, req.Body, MaxBody), of: r}
	release = func() { r.held.Add(-counted.read) }
	var buffer bytes.Buffer
	if n := req.ContentLength; n > 0 && n <= 1<<20 {
		// What is large must come before memory is taken for it.
		buffer.Grow(int(n) + bytes.MinRead)
	}
	_, err = buffer.ReadFrom(counted)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, release, tooLarge()
	case errors.Is(err, errBusy):
		return nil, release, refuse(http.StatusServiceUnavailable, "too many large deliveries at once: deliver it again later")
	case err != nil:
		return nil, release, refuse(http.StatusBadRequest, "the body ended early, or came too slowly")
	}
	return buffer.Bytes(), release, nil
}

var errBusy = errors.New("busy")

// counted counts what it reads, and ends when all readers together hold too much.
type counted struct {
	reader io.Reader
	of     *Reader
	read   int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	c.read += int64(n)
	if c.of.held.Add(int64(n)) > c.of.maxHeld {
		return n, errBusy
	}
	return n, err
}
