package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// A module is a version of a Go module, read as a source of data: none of its code runs here.
type module struct{ path, version string }

func (m module) String() string { return m.path + "@" + m.version }

// download is the folder of a module's files. The go command takes it from its cache where it has it, and checks its sum.
func (m module) download(ctx context.Context) (string, error) {
	// Outside of any module, so that this one's go.mod and go.sum stay as they are.
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.String())
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GO111MODULE=on")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &answer); err == nil {
		err = jsonErr
	}
	if err != nil || answer.Dir == "" {
		return "", fmt.Errorf("download %s: %w %s%s", m, err, answer.Error, stderr.Bytes())
	}
	return answer.Dir, nil
}
