package deploy_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	glass     = "addons.kaas.dev/break-glass"
	managedBy = "app.kubernetes.io/managed-by"
	finalizer = "resources-finalizer.argocd.argoproj.io"
	// fleet is the namespace of all attempts. Its manager has the name of the one in namespace argocd: the policy goes by both.
	fleet = "fleet"
	// tried names the object of one attempt, for requests that name none.
	tried = "test.example.com/attempt"
)

// users are everybody whom the policy is tried with. Each has every right that RBAC can give.
var users = map[string]string{
	theManager:                                    "system:serviceaccount:fleet:addon-manager",
	admin:                                         "admin",
	"a ServiceAccount beside the manager":         "system:serviceaccount:fleet:default",
	appSets:                                       "system:serviceaccount:fleet:argocd-applicationset-controller",
	"Argo CD's application controller":            "system:serviceaccount:fleet:argocd-application-controller",
	"Argo CD's API server":                        "system:serviceaccount:fleet:argocd-server",
	"the garbage collector":                       "system:serviceaccount:kube-system:generic-garbage-collector",
	"the namespace controller":                    "system:serviceaccount:kube-system:namespace-controller",
	"the controller manager":                      "system:kube-controller-manager",
	"the manager of another namespace":            "system:serviceaccount:argocd:addon-manager",
	"a user with the name of the manager":         "addon-manager",
	"a user with the end of the manager's name":   "somebody:system:serviceaccount:fleet:addon-manager",
	"a user with the start of the manager's name": "system:serviceaccount:fleet:addon-manager-2",
}

const (
	theManager = "the manager"
	admin      = "an administrator"
	appSets    = "Argo CD's ApplicationSet controller"
)

// action is what somebody does to an object.
type action struct {
	name string
	do   func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error
	// refusal is what the policy answers to everybody but the manager; "" for what is everybody's business.
	refusal string
	// only is the kind it can be done to, "" for both.
	only string
	// finalizer is on the object before; dry is what leaves it as it was.
	finalizer, dry bool
}

const (
	notDeleted = "only addon-manager deletes what it delivers"
	notChanged = "only addon-manager changes "
)

func deletes(options ...client.DeleteOption) func(context.Context, client.Client, *unstructured.Unstructured) error {
	return func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		return c.Delete(ctx, o, options...)
	}
}

func merges(patch string, options ...client.PatchOption) func(context.Context, client.Client, *unstructured.Unstructured) error {
	return func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		return c.Patch(ctx, o, client.RawPatch("application/merge-patch+json", []byte(patch)), options...)
	}
}

var actions = []action{
	{name: "delete", do: deletes(), refusal: notDeleted},
	{name: "delete in the background", do: deletes(client.PropagationPolicy(metav1.DeletePropagationBackground)), refusal: notDeleted},
	{name: "delete in the foreground", do: deletes(client.PropagationPolicy(metav1.DeletePropagationForeground)), refusal: notDeleted},
	{name: "delete and orphan", do: deletes(client.PropagationPolicy(metav1.DeletePropagationOrphan)), refusal: notDeleted},
	{name: "delete, with the finalizer that takes objects along", do: deletes(), refusal: notDeleted, finalizer: true},
	{name: "delete in the foreground, with that finalizer", do: deletes(client.PropagationPolicy(metav1.DeletePropagationForeground)), refusal: notDeleted, finalizer: true},
	{name: "delete at once", do: deletes(client.GracePeriodSeconds(0)), refusal: notDeleted},
	{name: "delete as a dry run", do: deletes(client.DryRunAll), refusal: notDeleted, dry: true},
	{name: "delete a collection", refusal: notDeleted, do: func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		return c.DeleteAllOf(ctx, o, client.InNamespace(o.GetNamespace()), client.MatchingLabels{tried: o.GetName()})
	}},

	{name: "take the managed-by label off", do: merges(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":null}}}`), refusal: notChanged + "label " + managedBy},
	{name: "say that Helm manages it", do: merges(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"}}}`), refusal: notChanged + "label " + managedBy},
	{name: "take the cluster label off", do: merges(`{"metadata":{"labels":{"addons.kaas.dev/cluster":null}}}`), refusal: notChanged + "label addons.kaas.dev/cluster"},
	{name: "name another cluster by label", do: merges(`{"metadata":{"labels":{"addons.kaas.dev/cluster":"oslo-1"}}}`), refusal: notChanged + "label addons.kaas.dev/cluster"},
	{name: "name another cluster by annotation", do: merges(`{"metadata":{"annotations":{"addons.kaas.dev/cluster-name":"oslo-1"}}}`), refusal: notChanged + "annotation addons.kaas.dev/cluster-name"},
	{name: "take the cluster annotation off", do: merges(`{"metadata":{"annotations":{"addons.kaas.dev/cluster-name":null}}}`), refusal: notChanged + "annotation addons.kaas.dev/cluster-name"},
	{name: "name another addon", do: merges(`{"metadata":{"labels":{"addons.kaas.dev/addon":"other"}}}`), refusal: notChanged + "label addons.kaas.dev/addon"},
	{
		name: "take everything off", do: merges(`{"metadata":{"labels":null,"annotations":null}}`),
		refusal: "label app.kubernetes.io/managed-by and label addons.kaas.dev/cluster",
	},
	{
		name:    "break the glass and take the label off in one write",
		do:      merges(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":null},"annotations":{"` + glass + `":"I am clever"}}}`),
		refusal: notChanged + "label " + managedBy,
	},
	{name: "take the label off by an update", refusal: notChanged + "label " + managedBy, do: func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		labels := o.GetLabels()
		delete(labels, managedBy)
		o.SetLabels(labels)
		return c.Update(ctx, o)
	}},

	{name: "break the glass", do: merges(`{"metadata":{"annotations":{"` + glass + `":"because"}}}`)},
	{name: "mend the glass", do: merges(`{"metadata":{"annotations":{"` + glass + `":null}}}`)},
	{name: "refresh", do: merges(`{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal","argocd.argoproj.io/application-set-refresh":"true"}}}`)},
	{name: "add the resources finalizer", do: merges(`{"metadata":{"finalizers":["` + finalizer + `"]}}`)},
	{name: "take the finalizers off", do: merges(`{"metadata":{"finalizers":null}}`), finalizer: true},
	{name: "free it from its owner", do: merges(`{"metadata":{"ownerReferences":null}}`)},
	{name: "report a status", do: merges(`{"status":{"sync":{"status":"Synced","revision":"abc"},"health":{"status":"Healthy"}}}`), only: "Application"},
	{name: "begin a sync", do: merges(`{"operation":{"sync":{"revision":"abc"}}}`), only: "Application"},
	{name: "report a status", only: "ApplicationSet", do: func(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
		return c.Status().Patch(ctx, o, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"conditions":[]}}`)))
	}},
	{name: "write the template again", only: "Application", do: merges(`{
		"metadata":{"labels":{"addons.kaas.dev/release":"v1.32-ake.1","addons.kaas.dev/kubernetes-minor":"1.32","addons.kaas.dev/placement":"management"},
			"annotations":{"addons.kaas.dev/commit":"def","addons.kaas.dev/on-disable":"retain"}},
		"spec":{"source":{"targetRevision":"def"},"destination":{"server":"https://elsewhere"}}}`)},
	{name: "list other addons", do: merges(`{"spec":{"generators":[{"list":{"elements":[]}}]}}`), only: "ApplicationSet"},
}

// becoming is what happens to an object that is not ours.
var becoming = action{name: "make it ours", do: merges(`{"metadata":{"labels":{"app.kubernetes.io/managed-by":"addon-manager"}}}`)}

// attempt is one row of the table: somebody does something to an object of ours or of others, with or without a reason on it.
type attempt struct {
	who, kind string
	action    action
	reason    *string // of the break-glass annotation, nil for none
	foreign   bool
}

func (a attempt) String() string {
	text := a.who + ": " + a.action.name + " " + a.kind
	if a.foreign {
		text += " of others"
	}
	if a.reason != nil {
		text += fmt.Sprintf(", glass broken with %q", *a.reason)
	}
	return text
}

// want is the refusal that has to come, "" for none. It says the same as the policy in fewer words.
func (a attempt) want() string {
	if a.who == theManager || a.foreign || a.reason != nil && strings.TrimSpace(*a.reason) != "" {
		return ""
	}
	return a.action.refusal
}

// attempts are all rows: every action by an administrator; what is refused also with a reason, by the manager, and to objects of others; and
// by everybody else those that stand for the rest.
func attempts() (all []attempt) {
	reason, empty, blank := "the cluster burned down, ticket 4711", "", " \t"
	for _, kind := range []string{"Application", "ApplicationSet"} {
		for i, act := range actions {
			if act.only != "" && act.only != kind {
				continue
			}
			by := func(who string) attempt { return attempt{who: who, kind: kind, action: actions[i]} }
			all = append(all, by(admin))
			if act.refusal != "" {
				broken, others := by(admin), by(admin)
				broken.reason, others.foreign = &reason, true
				all = append(all, by(theManager), broken, others)
			}
			switch act.name {
			case "delete", "delete a collection", "take the managed-by label off":
				for _, who := range slices.Sorted(maps.Keys(users)) {
					if who != theManager && who != admin {
						all = append(all, by(who))
					}
				}
				for _, reason := range []*string{&empty, &blank} {
					scratched := by(admin)
					scratched.reason = reason
					all = append(all, scratched)
				}
			case "write the template again", "list other addons", "free it from its owner", "refresh":
				all = append(all, by(appSets))
			}
		}
		all = append(all, attempt{who: appSets, kind: kind, action: becoming, foreign: true})
	}
	return all
}

// trial makes attempts at the API server. What they leave behind stays in their namespace until the API server ends.
type trial struct {
	users map[string]client.Client
}

// objects counts those of all trials: each has its own.
var objects atomic.Int64

func newTrial(t *testing.T) *trial {
	t.Helper()
	c := installed(t)
	err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fleet}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	tr := &trial{users: map[string]client.Client{}}
	for who, user := range users {
		config := rest.CopyConfig(cluster.Get(t).Config)
		config.WarningHandler = rest.NoWarnings{} // about the name of Argo CD's finalizer
		config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:masters", "system:authenticated"}}
		if tr.users[who], err = client.New(config, client.Options{Mapper: c.RESTMapper()}); err != nil {
			t.Fatal(err)
		}
	}
	tr.wait(t, "only addon-manager")
	return tr
}

// object creates the object of an attempt.
func (tr *trial) object(ctx context.Context, a attempt) (*unstructured.Unstructured, error) {
	o := delivered(a.kind, fleet, fmt.Sprintf("tried-%d", objects.Add(1)))
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	labels[tried] = o.GetName()
	if a.foreign {
		labels[managedBy] = "Kustomize"
	}
	if a.reason != nil {
		annotations[glass] = *a.reason
	}
	o.SetLabels(labels)
	o.SetAnnotations(annotations)
	if a.action.finalizer {
		o.SetFinalizers([]string{finalizer})
	}
	o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "argoproj.io/v1alpha1", Kind: "ApplicationSet", Name: "owner", UID: "1"}})
	return o, tr.users[admin].Create(ctx, o)
}

// try makes an attempt, and says what is wrong with its outcome; "" when it is as it should be.
func (tr *trial) try(ctx context.Context, a attempt) (wrong string, err error) {
	o, err := tr.object(ctx, a)
	if err != nil {
		return "", err
	}
	refusal := ""
	if err := a.action.do(ctx, tr.users[a.who], o.DeepCopy()); err != nil {
		refusal = err.Error()
		if !apierrors.IsForbidden(err) || !strings.Contains(refusal, "ValidatingAdmissionPolicy 'addon-manager-deliveries'") {
			return "", err
		}
	}
	after := o.DeepCopy()
	if err := tr.users[admin].Get(ctx, client.ObjectKeyFromObject(o), after); client.IgnoreNotFound(err) != nil {
		return "", err
	} else if err != nil {
		after.SetResourceVersion("")
	}
	switch want := a.want(); {
	case want == "" && refusal != "":
		return "refused: " + refusal, nil
	case want != "" && refusal == "":
		return fmt.Sprintf("allowed, want a refusal with %q", want), nil
	case !strings.Contains(refusal, want):
		return fmt.Sprintf("refused with %q, want %q in it", refusal, want), nil
	case refusal != "" && after.GetResourceVersion() != o.GetResourceVersion():
		return "refused, and still gone or another object than before", nil
	case refusal == "" && a.action.refusal == notDeleted && !a.action.dry && after.GetResourceVersion() == o.GetResourceVersion():
		return "allowed, and still as before", nil
	}
	return "", nil
}

// all makes every attempt, several at once, and returns what is wrong by attempt.
func (tr *trial) all(t *testing.T, rows []attempt) map[string]string {
	t.Helper()
	var (
		mu    sync.Mutex
		wrong = map[string]string{}
		group sync.WaitGroup
		next  = make(chan attempt)
	)
	for range 8 {
		group.Go(func() {
			for a := range next {
				text, err := tr.try(t.Context(), a)
				if err != nil {
					t.Errorf("%v: %v", a, err)
				}
				if text != "" {
					mu.Lock()
					wrong[a.String()] = text
					mu.Unlock()
				}
			}
		})
	}
	for _, a := range rows {
		next <- a
	}
	close(next)
	group.Wait()
	return wrong
}

// delivered is an object as addon-manager and Argo CD make it for addon base of cluster tokyo-1.
func delivered(kind, namespace, name string) *unstructured.Unstructured {
	o := argo(kind, name)
	o.SetNamespace(namespace)
	o.SetLabels(map[string]string{managedBy: "addon-manager", "addons.kaas.dev/cluster": "tokyo-1", "addons.kaas.dev/addon": "base"})
	o.SetAnnotations(map[string]string{"addons.kaas.dev/cluster-name": "tokyo-1"})
	spec := object{
		"project": "addons", "destination": object{"server": "https://tokyo-1.example.com", "namespace": "base"},
		"source": object{"repoURL": "https://git.example.com/addons.git", "path": "addons/base", "targetRevision": "abc"},
	}
	if kind == "ApplicationSet" {
		spec = object{"generators": []any{}, "template": object{"metadata": object{"name": "x"}, "spec": spec}}
	}
	o.Object["spec"] = spec
	return o
}

// TestOnlyTheManagerDeletesWhatItDelivers tries everybody with everything.
func TestOnlyTheManagerDeletesWhatItDelivers(t *testing.T) {
	tr := newTrial(t)
	rows := attempts()
	wrong := tr.all(t, rows)
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		t.Errorf("%s: %s", name, wrong[name])
	}
	t.Logf("%d attempts", len(rows))
}
