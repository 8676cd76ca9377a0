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
	"time"

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
//	fleet              the same in brief: NAME VERSION and, for labels and annotations, +ADDON, -ADDON, KEY=VALUE, @KEY=VALUE
//	now +DURATION      time passes
//	policy             what people set for the fleet, see policyFile
//	orders CLUSTER     what they ask for one cluster, see orderFile
//	health             what Argo CD finds from now on, see script
//	pass               one plan is applied, and Argo CD follows once
//	want/N.plan.json   what a plan says now
//	want/N.told        the same in brief
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
	var made resolve.SourceRelease
	var err error
	if what == "release" || what == "refused" || what == "forget" {
		if made.Tag, err = release.ParseTag(arg); err != nil {
			return nil, err
		}
		made.Commit = commitOf(arg)
	}
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
		w.forget(made.Tag)
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
		w.clusters, err = parseClusters(data)
	case what == "fleet":
		w.secrets(parseFleet(text)...)
	case what == "now":
		passed, err := time.ParseDuration(strings.TrimPrefix(arg, "+"))
		w.now = w.now.Add(passed)
		return nil, err
	case what == "policy":
		w.policy, err = parsePolicy(data)
	case what == "orders":
		w.orders[arg], err = parseOrders(data)
	case what == "health":
		w.health, err = parseScript(text)
	case what == "pass":
		w.apply(resolve.Make(w.input()))
		_, err = w.argo()
	case strings.HasSuffix(name, ".told"):
		return brief(resolve.Make(w.input())), nil
	case strings.HasSuffix(name, ".plan.json"):
		return printed(resolve.Make(w.input()))
	case strings.HasSuffix(name, ".end"):
		return w.end()
	default:
		return nil, errors.New("no such event")
	}
	return nil, err
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
	once, again := resolve.Make(w.input()), resolve.Make(w.input())
	if !reflect.DeepEqual(again, once) {
		return nil, fmt.Errorf("the same input gives another plan: %s", cmp.Diff(once, again, unexported))
	}
	if n := w.apply(again); n > 0 {
		return nil, fmt.Errorf("a further run writes %d times", n)
	}
	return []byte(w.String()), nil
}

var unexported = cmp.AllowUnexported(resolve.Pair{}, resolve.ClusterPlan{})

// quiet tells which pair of a plan still asks for something, although everything was applied: nothing waits but for time, for people, or for
// a deletion to end.
func quiet(plan resolve.Plan) error {
	given := map[string]bool{}
	for i := range plan.Clusters {
		given[plan.Clusters[i].Name] = plan.Clusters[i].Decommissioned
	}
	for i := range plan.Pairs {
		p := &plan.Pairs[i]
		ending := p.Element == nil && (p.Action == resolve.Remove || p.Action == resolve.Release) ||
			p.Action == resolve.Install && len(p.Reasons) > 0 && p.Reasons[0].Code == resolve.CodeLeaving
		switch {
		case p.Delete:
		case p.Action == resolve.Keep, p.Action == resolve.Hold, p.Action == resolve.Disable, ending, given[p.Cluster]:
			continue
		}
		return fmt.Errorf("%s on %s: %s, although everything was applied", p.Addon, p.Cluster, p.Action)
	}
	return nil
}

// parseFleet reads cluster Secrets in brief.
func parseFleet(text string) (secrets []cluster.Secret) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		s := secret(words[0])
		s.Annotations[cluster.VersionAnnotation] = words[1]
		for _, word := range words[2:] {
			key, value, _ := strings.Cut(word[1:], "=")
			switch word[0] {
			case '+':
				s.Labels[catalog.LabelPrefix+key] = string(cluster.Enabled)
			case '-':
				s.Labels[catalog.LabelPrefix+key] = string(cluster.Disabled)
			case '@':
				s.Annotations[catalog.LabelPrefix+key] = value
			default:
				key, value, _ = strings.Cut(word, "=")
				s.Labels[key] = value
			}
		}
		secrets = append(secrets, s)
	}
	return secrets
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
