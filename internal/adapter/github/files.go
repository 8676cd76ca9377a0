package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/upstream"
)

const (
	// maxFile bounds a file of a release, maxSums one with checksums.
	maxFile = 20 << 20
	maxSums = 1 << 20
	// filePatience is how long one file may take.
	filePatience = 2 * time.Minute
)

// Asset is a file of a release, with its digest. It is checked against the digest that GitHub says, or else against a file of checksums in the same
// release; where there is neither, nobody can tell whether it is the right one.
func (r *Releases) Asset(ctx context.Context, a upstream.Asset) (data []byte, digest string, err error) {
	want, by := a.Digest, "GitHub"
	if want == "" {
		if want, by, err = r.checksum(ctx, a); err != nil {
			return nil, "", err
		}
	}
	if data, err = r.download(ctx, a, maxFile); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(data)
	digest = "sha256:" + hex.EncodeToString(sum[:])
	if want != "" && want != digest {
		return nil, "", &failure{kind: ErrInvalid, plain: true, text: fmt.Sprintf("%s is not what was published: its digest is %s, %s says %s", line(a.Name), digest, line(by), want)}
	}
	return data, digest, nil
}

var (
	sumsFile = regexp.MustCompile(`(?i)^(.*[-_.])?(checksums?|sha256sums?)([-_.]sha256)?(\.txt)?$`)
	gnuLine  = regexp.MustCompile(`^\\?([0-9a-fA-F]{64})(?:\s+[*]?(\S.*))?$`)
	bsdLine  = regexp.MustCompile(`^SHA256 ?\((.+)\) = ([0-9a-fA-F]{64})$`)
)

// checksum looks for a file's digest in the files of checksums beside it, and says which has it; empty when there is none.
func (r *Releases) checksum(ctx context.Context, a upstream.Asset) (digest, by string, err error) {
	r.mu.Lock()
	beside := r.known[a.URL].beside
	r.mu.Unlock()
	for _, other := range beside {
		alone := strings.EqualFold(other.Name, a.Name+".sha256") || strings.EqualFold(other.Name, a.Name+".sha256sum") || strings.EqualFold(other.Name, a.Name+".sha256.txt")
		if !alone && (!sumsFile.MatchString(other.Name) || other.Name == a.Name) {
			continue
		}
		data, err := r.download(ctx, other, maxSums)
		if err != nil {
			return "", "", fmt.Errorf("check %s: %w", line(a.Name), err)
		}
		for text := range strings.Lines(string(data)) {
			text = strings.TrimSpace(text)
			if m := bsdLine.FindStringSubmatch(text); m != nil && sameFile(m[1], a.Name) {
				return "sha256:" + strings.ToLower(m[2]), other.Name, nil
			}
			if m := gnuLine.FindStringSubmatch(text); m != nil && (sameFile(m[2], a.Name) || alone && m[2] == "") {
				return "sha256:" + strings.ToLower(m[1]), other.Name, nil
			}
		}
	}
	return "", "", nil
}

// sameFile compares a name in a file of checksums, which may have folders.
func sameFile(listed, name string) bool {
	return listed[strings.LastIndexByte(listed, '/')+1:] == name
}

// download reads a file from its page's address, as everybody does, and where that has none from the API, where private repositories have theirs.
func (r *Releases) download(ctx context.Context, a upstream.Asset, most int64) ([]byte, error) {
	if a.Size > most {
		return nil, &failure{kind: ErrInvalid, plain: true, text: fmt.Sprintf("%s has %d bytes, at most %d are read", line(a.Name), a.Size, most)}
	}
	r.mu.Lock()
	api := r.known[a.URL].api
	r.mu.Unlock()
	data, err := r.fetch(ctx, a.URL, most)
	if status(err) == http.StatusNotFound && r.o.Token != "" && api != "" {
		data, err = r.fetch(ctx, api, most)
	}
	if err != nil {
		return nil, failed(err, "download %s", line(a.Name))
	}
	return data, nil
}

// fetch asks up to three times, within one time limit: who sends a little now and then must not hold us for ever.
func (r *Releases) fetch(ctx context.Context, address string, most int64) (data []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	for try := 1; ; try++ {
		data, err = r.once(limited, address, most)
		if err == nil || !errors.Is(err, ErrUnreachable) || limited.Err() != nil || try == 3 {
			break
		}
		if err := r.stack.times.sleep(ctx, time.Second<<(2*(try-1))); err != nil {
			return nil, err
		}
	}
	switch {
	case err == nil:
		return data, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, unusable("did not send the whole file within %s", r.patience)
	}
	return nil, err
}

func (r *Releases) once(ctx context.Context, address string, most int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, &failure{kind: ErrInvalid, text: "the address of the file cannot be used"}
	}
	request.Header.Set("Accept", "application/octet-stream")
	request.Header.Set("User-Agent", r.stack.client.UserAgent)
	if r.o.Token != "" && r.ofAPI(request.URL) {
		request.Header.Set("Authorization", "Bearer "+r.o.Token)
	}
	answer, err := r.files.Do(request)
	if err != nil {
		return nil, troubleOf(err).failure
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode >= 400:
		answer.Body = io.NopCloser(io.LimitReader(answer.Body, 64<<10))
		return nil, refusal(answer)
	case answer.StatusCode != http.StatusOK:
		return nil, unusable("answers %d in place of the file", answer.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	switch {
	case err != nil:
		return nil, unusable("cut the file off")
	case int64(len(data)) > most:
		return nil, &failure{kind: ErrInvalid, text: fmt.Sprintf("the file has more than %d bytes, which is what is read at most", most)}
	}
	return data, nil
}

// ofAPI tells whether an address is below the API's: only there the token goes.
func (r *Releases) ofAPI(u *url.URL) bool {
	return u.Host == r.base.Host && u.Scheme == r.base.Scheme && strings.HasPrefix(u.Path, r.base.Path)
}
