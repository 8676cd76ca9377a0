// Command generate writes what test/github/contract holds the stand-in to: the part of GitHub's published OpenAPI description that the
// stand-in serves, and the shapes of GitHub's published webhook payloads. `go run ./test/github/generate` runs it; it fetches two npm packages whose
// versions and digests are written below, and nothing else, so running it twice changes nothing.
//
// # To serve one more operation
//
// Add its operationId to operations below, run the generator, and write its handler in test/github.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

var (
	description = npm{
		name: "@octokit/openapi", version: "23.0.2",
		integrity: "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
	}
	examples = npm{
		name: "@octokit/webhooks-examples", version: "7.6.1",
		integrity: "sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
	}
)

func main() {
	out := flag.String("out", "test/github/contract", "the folder to write to")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, out string) error {
	text, err := description.file(ctx, "package/generated/api.github.com.json")
	if err != nil {
		return err
	}
	api, err := reduce(text, operations)
	if err != nil {
		return fmt.Errorf("%s: %w", description, err)
	}
	if err := write(filepath.Join(out, "api.json.gz"), api); err != nil {
		return err
	}
	text, err = examples.file(ctx, "package/api.github.com/index.json")
	if err != nil {
		return err
	}
	shapes, err := shapesOf(text, events)
	if err != nil {
		return fmt.Errorf("%s: %w", examples, err)
	}
	return write(filepath.Join(out, "webhooks.json.gz"), shapes)
}

// write compresses v's JSON. Go's gzip writes no time and no name, so that the same data give the same bytes.
func write(file string, v any) error {
	var text bytes.Buffer
	encode := json.NewEncoder(&text)
	encode.SetEscapeHTML(false)
	if err := encode.Encode(v); err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(text.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %d bytes, %d compressed\n", file, text.Len(), packed.Len())
	return os.WriteFile(file, packed.Bytes(), 0o644)
}
