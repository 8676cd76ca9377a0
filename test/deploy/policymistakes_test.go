package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

// mistakes are policies with one fault each: what stands in the file, and what stands there by mistake.
var mistakes = []struct {
	name  string
	edits []string // pairs of right and wrong
}{
	{"deleting is free", []string{"[DELETE, UPDATE]", "[UPDATE]"}},
	{"changing is free", []string{"[DELETE, UPDATE]", "[DELETE]"}},
	{"Applications are free", []string{kinds, "[applicationsets]"}},
	{"ApplicationSets are free", []string{kinds, "[applications]"}},
	{"the manager has another name", []string{"':addon-manager'", "':manager'"}},
	{"every namespace has a manager", []string{isNotTheManager, "false == request.userInfo.username.matches('^system:serviceaccount:[^:]*:addon-manager$')"}},
	{"the start of the manager's name is enough", []string{
		isNotTheManager, "false == request.userInfo.username.startsWith('system:serviceaccount:' + request.namespace + ':addon-manager')",
	}},
	{"the end of the manager's name is enough", []string{isNotTheManager, "false == request.userInfo.username.endsWith('addon-manager')"}},
	{"the control plane is trusted", []string{isNotTheManager, isNotTheManager + " && !request.userInfo.username.startsWith('system:serviceaccount:kube-system:')"}},
	{"no reason is enough", []string{".trim()", ".substring(0, 0)"}},
	{"a blank reason is enough", []string{".trim()", ""}},
	{"an empty reason is enough", []string{brokenGlass + ".orValue('').trim()", brokenGlass + ".optMap(reason, 'some').orValue('')"}},
	{"the glass may break in the same write", []string{brokenGlass, "dyn([object, oldObject]).filter(o, o != null)[0]" + strings.TrimPrefix(brokenGlass, "oldObject")}},
	{"the managed-by label is free", []string{identity, "['addons.kaas.dev/cluster', 'addons.kaas.dev/addon']"}},
	{"the cluster label is free", []string{identity, "['app.kubernetes.io/managed-by', 'addons.kaas.dev/addon']"}},
	{"the addon label is free", []string{identity, "['app.kubernetes.io/managed-by', 'addons.kaas.dev/cluster']"}},
	{"the cluster annotation is free", []string{"['addons.kaas.dev/cluster-name']", "['addons.kaas.dev/other']"}},
	{"nothing may change, not even a status", []string{
		kinds, "[applications, applicationsets, applicationsets/status]",
		"? [] :", "? [] : dyn(object).metadata.name != '' ? ['label app.kubernetes.io/managed-by and label addons.kaas.dev/cluster'] :",
	}},
	{"everything is ours", []string{ // It takes two to keep others' objects out.
		"objectSelector:\n      matchLabels:\n        app.kubernetes.io/managed-by: addon-manager", "objectSelector: {}",
		isOursAlready, "1 == 1",
	}},
	{"what becomes ours is ours already", []string{isOursAlready, "1 == 1"}},
}

const (
	kinds           = "[applications, applicationsets]"
	isNotTheManager = "request.userInfo.username != 'system:serviceaccount:' + request.namespace + ':addon-manager'"
	isOursAlready   = "oldObject.metadata.?labels[?'app.kubernetes.io/managed-by'].orValue('') == 'addon-manager'"
	brokenGlass     = "oldObject.metadata.?annotations[?'addons.kaas.dev/break-glass']"
	identity        = "['app.kubernetes.io/managed-by', 'addons.kaas.dev/cluster', 'addons.kaas.dev/addon']"
)

// TestEveryAttemptFindsAMistake puts each mistake into the policy, one after the other, and wants some attempt to find it. In the end no
// attempt is left that found nothing: each of them guards something.
func TestEveryAttemptFindsAMistake(t *testing.T) {
	tr := newTrial(t)
	rows := attempts()
	found := map[string]bool{}
	t.Cleanup(func() { tr.enforce(t, "", policyText(t)) })
	for _, m := range mistakes {
		text := policyText(t)
		for i := 0; i < len(m.edits); i += 2 {
			if !strings.Contains(text, m.edits[i]) {
				t.Fatalf("%s: the policy has no text %q", m.name, m.edits[i])
			}
			text = strings.ReplaceAll(text, m.edits[i], m.edits[i+1])
		}
		tr.enforce(t, m.name, text)
		wrong := tr.all(t, rows)
		if len(wrong) == 0 {
			t.Errorf("%s: no attempt finds that", m.name)
		}
		for name := range wrong {
			found[name] = true
		}
		t.Logf("%s: found by %d of %d attempts", m.name, len(wrong), len(rows))
	}
	for _, a := range rows {
		if !found[a.String()] {
			t.Errorf("%v: finds no mistake", a)
		}
	}
}

// policyText is the policy that guards Applications and ApplicationSets, as it stands in deploy/.
func policyText(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(root + "/deploy/base/admission-policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := bytes.Cut(data, []byte("\n---\n"))
	return string(first)
}

// enforce puts a policy in place, and waits until the API server goes by it: every refusal of a policy with a mistake begins with its name.
func (tr *trial) enforce(t *testing.T, mistake, text string) {
	t.Helper()
	const words = "only addon-manager"
	mark := words
	if mistake != "" {
		mark = strings.ReplaceAll(mistake, "'", " ") + ": " + words
	}
	policy := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(text, "'"+words, "'"+mark)), policy); err != nil {
		t.Fatalf("%s: %v", mistake, err)
	}
	//nolint:staticcheck // the typed replacement needs generated apply configurations
	if err := tr.users[admin].Patch(context.Background(), policy, client.Apply, client.FieldOwner("test"), client.ForceOwnership); err != nil {
		t.Fatalf("%s: %v", mistake, err)
	}
	tr.wait(t, mark)
}

// wait waits until somebody is refused something in words that begin like these.
func (tr *trial) wait(t *testing.T, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := plane.Until(ctx, func(ctx context.Context) error { return tr.refuses(ctx, "denied request: "+words) }); err != nil {
		t.Fatal(err)
	}
}

// refuses asks without changing anything.
func (tr *trial) refuses(ctx context.Context, words string) error {
	var said []error
	for _, kind := range []string{"Application", "ApplicationSet"} {
		o, err := tr.object(ctx, attempt{kind: kind})
		if err != nil {
			return err
		}
		unlabel := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"`+managedBy+`":null}}}`))
		for _, err := range []error{
			tr.users[admin].Delete(ctx, o.DeepCopy(), client.DryRunAll),
			tr.users[admin].Patch(ctx, o.DeepCopy(), unlabel, client.DryRunAll),
		} {
			if err != nil && strings.Contains(err.Error(), words) {
				return nil
			}
			said = append(said, err)
		}
	}
	return fmt.Errorf("nobody is refused anything with %q: %w", words, errors.Join(said...))
}
