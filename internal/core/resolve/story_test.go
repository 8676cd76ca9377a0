package resolve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/addon-manager/addon-manager/internal/core/catalog"
	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/core/release"
	"github.com/addon-manager/addon-manager/internal/core/resolve"
	"github.com/addon-manager/addon-manager/internal/core/version"
)

var update = flag.Bool("update", false, "rewrite want/ in testdata/*.txtar")

// TestStories plays what happens to a fleet. The files of a story are events, in order:
//
//	release TAG        a release with this catalog
//	refused TAG        a release that is refused: CODE: message
//	forget TAG         a release that is listed no more
//	offered            the minors that main offers
//	unavailable        CODE: message while the repository cannot be read, empty once it can
//	tags               Applications name tags from now on
//	clusters           the cluster Secrets, all of them
//	want/N.plan.json   what a plan says now
//	want/N.end         what runs once plans have been applied until nothing changes
func TestStories(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, name := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			story, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld()
			for i := range story.Files {
				f := &story.Files[i]
				got, err := w.play(f.Name, f.Data)
				if err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
				if got == nil {
					continue
				}
				if *update {
					f.Data = got
				} else if !bytes.Equal(got, f.Data) {
					t.Errorf("%s (-want +got, -update rewrites it):\n%s", f.Name, cmp.Diff(string(f.Data), string(got)))
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// play lets one event happen; for a wanted file it answers what is so.
func (w *world) play(name string, data []byte) ([]byte, error) {
	what, arg, _ := strings.Cut(name, " ")
	text := strings.TrimSpace(string(data))
	var tag release.Tag
	if arg != "" {
		var err error
		if tag, err = release.ParseTag(arg); err != nil {
			return nil, err
		}
	}
	made := resolve.SourceRelease{Release: release.Release{Tag: tag, Commit: commitOf(arg)}}
	switch {
	case what == "release":
		c, err := catalog.Decode(catalog.File, data)
		if err != nil {
			return nil, err
		}
		made.Catalog = &c
		w.set(made)
	case what == "refused":
		made.Refused = parseReason(text)
		w.set(made)
	case what == "forget":
		w.forget(tag)
	case what == "offered":
		w.offered = nil
		for word := range strings.FieldsSeq(text) {
			m, err := version.ParseMinor(word)
			if err != nil {
				return nil, err
			}
			w.offered = append(w.offered, m)
		}
	case what == "unavailable":
		w.unavailable = parseReason(text)
	case what == "tags":
		w.tags = true
	case what == "clusters":
		var err error
		w.clusters, err = parseClusters(data)
		return nil, err
	case strings.HasSuffix(name, ".plan.json"):
		return printed(resolve.Make(w.input()))
	case strings.HasSuffix(name, ".end"):
		return w.end()
	default:
		return nil, errors.New("no such event")
	}
	return nil, nil
}

// end settles the world and checks that the same input then changes nothing more.
func (w *world) end() ([]byte, error) {
	last, err := w.settle(resolve.Make)
	if err != nil {
		return nil, err
	}
	if err := quiet(last); err != nil {
		return nil, err
	}
	if again := resolve.Make(w.input()); !reflect.DeepEqual(again, last) {
		return nil, fmt.Errorf("the same input gives another plan: %s", cmp.Diff(last, again, unexported))
	}
	return []byte(w.String()), nil
}

var unexported = cmp.AllowUnexported(resolve.Pair{}, resolve.ClusterPlan{})

// quiet tells which pair of a plan still asks for something.
func quiet(plan resolve.Plan) error {
	for _, p := range plan.Pairs {
		if p.Action != resolve.Keep && p.Action != resolve.Hold || p.Delete {
			return fmt.Errorf("%s on %s: %s, although everything was applied", p.Addon, p.Cluster, p.Action)
		}
	}
	return nil
}

func parseReason(text string) *fault.Reason {
	if text == "" {
		return nil
	}
	code, message, _ := strings.Cut(text, ": ")
	return &fault.Reason{Code: fault.Code(code), Message: message}
}

func parseClusters(data []byte) (clusters []resolve.Cluster, err error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var s struct {
			Metadata struct {
				Name, Namespace, DeletionTimestamp string
				Labels, Annotations                map[string]string
			}
			StringData map[string]string
		}
		if err := decoder.Decode(&s); errors.Is(err, io.EOF) {
			return clusters, nil
		} else if err != nil {
			return nil, err
		}
		if s.Metadata.Name == "" {
			continue
		}
		secret := cluster.Secret{
			Name: s.Metadata.Name, Namespace: s.Metadata.Namespace, Labels: s.Metadata.Labels, Annotations: s.Metadata.Annotations,
			Data: map[string][]byte{}, Deleting: s.Metadata.DeletionTimestamp != "",
		}
		for key, value := range s.StringData {
			secret.Data[key] = []byte(value)
		}
		clusters = append(clusters, resolve.Cluster{Facts: cluster.Read(secret)})
	}
}

func printed(plan resolve.Plan) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(plan)
	return b.Bytes(), err
}
