package faultproxy_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/addon-manager/addon-manager/internal/testkit/faultproxy"
	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

var shared plane.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

// world is a namespace, seen through a proxy and past it.
type world struct {
	*testing.T
	ctx            context.Context
	proxy          *faultproxy.Proxy
	through, truth typedcorev1.ConfigMapInterface
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cp := shared.Get(t)
	w := &world{T: t, ctx: t.Context()}
	p, err := faultproxy.Start(cp.Config)
	w.must(err)
	t.Cleanup(p.Close)
	truth, err := kubernetes.NewForConfig(cp.Config)
	w.must(err)
	through, err := kubernetes.NewForConfig(p.Config())
	w.must(err)
	ns, err := truth.CoreV1().Namespaces().Create(w.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "proxy-"}}, metav1.CreateOptions{})
	w.must(err)
	w.proxy, w.through, w.truth = p, through.CoreV1().ConfigMaps(ns.Name), truth.CoreV1().ConfigMaps(ns.Name)
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// create makes a ConfigMap through the proxy.
func (w *world) create(name string) error {
	_, err := w.through.Create(w.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "1", "b": "2"}}, metav1.CreateOptions{})
	return err
}

// there lists what the API server has.
func (w *world) there() (names []string) {
	w.Helper()
	list, err := w.truth.List(w.ctx, metav1.ListOptions{})
	w.must(err)
	for _, m := range list.Items {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// Nothing is broken unless asked, and every write is on record.
func TestHonest(t *testing.T) {
	w := newWorld(t)
	w.must(w.create("one"))
	m, err := w.through.Get(w.ctx, "one", metav1.GetOptions{})
	w.must(err)
	m.Data["a"] = "3"
	_, err = w.through.Update(w.ctx, m, metav1.UpdateOptions{})
	w.must(err)
	w.must(w.through.Delete(w.ctx, "one", metav1.DeleteOptions{}))
	var got []string
	hashes := map[string]bool{}
	for _, r := range w.proxy.Writes() {
		got = append(got, r.String())
		hashes[r.Hash] = true
	}
	if diff := cmp.Diff([]string{"create configmaps one: 201", "update configmaps one: 200", "delete configmaps one: 200"}, got); diff != "" {
		t.Errorf("writes (-want +got)\n%s", diff)
	}
	if len(hashes) != 3 {
		t.Errorf("hashes %v", hashes)
	}
}

// Each fault of a write: what the client is told, and whether the write is done.
func TestWrites(t *testing.T) {
	for name, tc := range map[string]struct {
		fault faultproxy.Fault
		says  func(error) bool
		done  bool
	}{
		"conflict":       {faultproxy.Conflict(), apierrors.IsConflict, false},
		"expired":        {faultproxy.Expired(), apierrors.IsResourceExpired, false},
		"too large":      {faultproxy.TooLarge(), apierrors.IsRequestEntityTooLargeError, false},
		"etcd too large": {faultproxy.EtcdTooLarge(), saying("etcdserver: request is too large"), false},
		"too many":       {faultproxy.TooManyRequests(1), func(err error) bool { return err == nil }, true}, // The client waits, and asks again by itself.
		"internal":       {faultproxy.Internal(), apierrors.IsInternalError, false},
		"unavailable":    {faultproxy.Unavailable(), apierrors.IsServiceUnavailable, false},
		"forbidden":      {faultproxy.Forbidden(), saying(`cannot create resource "configmaps"`), false},
		"denied":         {faultproxy.Denied("no reason"), saying("denied the request: no reason"), false},
		"unknown":        {faultproxy.Unknown(), apierrors.IsNotFound, false},
		"dropped":        {faultproxy.Drop(), saying("EOF"), false},
		"500 after":      {faultproxy.Landed(faultproxy.Internal()), apierrors.IsInternalError, true},
		"504 after":      {faultproxy.Landed(faultproxy.Timeout()), apierrors.IsTimeout, true},
		"lost":           {faultproxy.Landed(faultproxy.Drop()), saying("EOF"), true},
		"delayed":        {faultproxy.Delay(50*time.Millisecond, faultproxy.Internal()), apierrors.IsInternalError, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			rule := w.proxy.Inject(faultproxy.Rule{Verb: "write", Resource: "secrets configmaps", Name: "on*", Calls: faultproxy.Nth(2), Fault: tc.fault})
			w.must(w.create("one"))
			if err := w.create("only"); !tc.says(err) {
				t.Errorf("error %v", err)
			}
			w.must(w.create("once"))
			w.must(w.create("other"))
			want := []string{"once", "one", "other"}
			if tc.done {
				want = []string{"once", "one", "only", "other"}
			}
			if diff := cmp.Diff(want, w.there()); diff != "" {
				t.Errorf("what is there (-want +got)\n%s", diff)
			}
			if n := rule.Hits(); n != 1 {
				t.Errorf("%d hits", n)
			}
		})
	}
}

func saying(text string) func(error) bool {
	return func(err error) bool { return err != nil && strings.Contains(err.Error(), text) }
}

// The API server disappears at a write, done or not, and comes back.
func TestKill(t *testing.T) {
	for _, landed := range []bool{false, true} {
		t.Run(fmt.Sprintf("landed %v", landed), func(t *testing.T) {
			w := newWorld(t)
			events, err := w.through.Watch(w.ctx, metav1.ListOptions{})
			w.must(err)
			w.proxy.KillAt(2, landed)
			w.must(w.create("one"))
			if e := <-events.ResultChan(); e.Type != watch.Added {
				t.Errorf("event %v", e)
			}
			if err := w.create("two"); err == nil {
				t.Error("the second write is answered")
			}
			<-w.proxy.Severed()
			if err := w.create("later"); err == nil {
				t.Error("a later write is answered")
			}
			for range events.ResultChan() { // It ends.
			}
			want := map[bool][]string{false: {"one"}, true: {"one", "two"}}[landed]
			if diff := cmp.Diff(want, w.there()); diff != "" {
				t.Errorf("what is there (-want +got)\n%s", diff)
			}
			w.proxy.Restore()
			w.must(w.create("three"))
		})
	}
}

// Lists that are short, come in pages, expire between them, and are old.
func TestLists(t *testing.T) {
	w := newWorld(t)
	for _, n := range []string{"a", "b", "c"} {
		w.must(w.create(n))
	}
	list := func(o metav1.ListOptions) string {
		l, err := w.through.List(w.ctx, o)
		if err != nil {
			return string(apierrors.ReasonForError(err))
		}
		var names []string
		for _, m := range l.Items {
			names = append(names, m.Name)
		}
		return strings.Join(names, " ") + strings.Repeat(" and more", min(1, len(l.Continue)))
	}
	with := func(f faultproxy.Fault, o metav1.ListOptions) string {
		defer w.proxy.Inject(faultproxy.Rule{Verb: "list", Resource: "configmaps", Fault: f}).Remove()
		return list(o)
	}
	for _, tc := range []struct{ name, got, want string }{
		{"honest", list(metav1.ListOptions{}), "a b c"},
		{"empty", with(faultproxy.Truncated(0), metav1.ListOptions{}), ""},
		{"short", with(faultproxy.Truncated(2), metav1.ListOptions{Limit: 2}), "a b"},
		{"in pages", with(faultproxy.Paged(1), metav1.ListOptions{Limit: 500}), "a and more"},
		{"in pages, unasked", with(faultproxy.Paged(1), metav1.ListOptions{}), "a b c"},
		{"expired", with(faultproxy.Expired(), metav1.ListOptions{Limit: 1}), "Expired"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
	w.proxy.Inject(faultproxy.Rule{Verb: "list", If: func(q faultproxy.Request) bool { return q.Continued }, Fault: faultproxy.Expired()})
	first, err := w.through.List(w.ctx, metav1.ListOptions{Limit: 1})
	w.must(err)
	if got := list(metav1.ListOptions{Limit: 1, Continue: first.Continue}); got != "Expired" {
		t.Errorf("the second page: %q", got)
	}
	list(metav1.ListOptions{ResourceVersion: "0"})
	w.proxy.Freeze()
	w.must(w.create("d"))
	if got := with(faultproxy.Stale(), metav1.ListOptions{ResourceVersion: "0"}); got != "a b c" {
		t.Errorf("stale: %q", got)
	}
	if got := with(faultproxy.Stale(), metav1.ListOptions{}); got != "a b c d" {
		t.Errorf("stale, for a client that wants the newest: %q", got)
	}
}

// Watches that end, that tell only the time, and that fall silent.
func TestWatches(t *testing.T) {
	w := newWorld(t)
	follow := func() watch.Interface {
		t.Helper()
		l, err := w.truth.List(w.ctx, metav1.ListOptions{})
		w.must(err)
		i, err := w.through.Watch(w.ctx, metav1.ListOptions{ResourceVersion: l.ResourceVersion})
		w.must(err)
		return i
	}
	rule := w.proxy.Inject(faultproxy.Rule{Verb: "watch", Resource: "configmaps", Fault: faultproxy.CutWatch(100 * time.Millisecond)})
	for e := range follow().ResultChan() {
		t.Errorf("cut: event %v", e)
	}
	rule.Remove()

	rule = w.proxy.Inject(faultproxy.Rule{Verb: "watch", Resource: "configmaps", Calls: faultproxy.Nth(1), Fault: faultproxy.BookmarksOnly()})
	deaf, hearing := follow(), follow()
	w.must(w.create("one"))
	if e := <-hearing.ResultChan(); e.Type != watch.Added {
		t.Errorf("event %v", e)
	}
	select {
	case e := <-deaf.ResultChan():
		t.Errorf("bookmarks only: event %v", e)
	default:
	}
	rule.Remove()

	resume := w.proxy.StallWatches("configmaps")
	w.must(w.create("two"))
	select {
	case e, open := <-hearing.ResultChan():
		t.Errorf("stalled: event %v, open %v", e, open)
	case <-time.After(100 * time.Millisecond):
	}
	resume()
	for e := range hearing.ResultChan() {
		t.Errorf("after the stall: event %v", e)
	}
}

// What is sent and what comes back can be changed on the way.
func TestEdits(t *testing.T) {
	w := newWorld(t)
	strip := func(o map[string]any) { delete(o["data"].(map[string]any), "a") }
	rule := w.proxy.Inject(faultproxy.Rule{Verb: "create", Fault: faultproxy.EditWrite(strip)})
	w.must(w.create("one"))
	rule.Remove()
	w.must(w.create("two"))
	w.proxy.Inject(faultproxy.Rule{Verb: "get", Name: "two", Fault: faultproxy.EditAnswer(strip)})
	for _, name := range []string{"one", "two"} {
		m, err := w.through.Get(w.ctx, name, metav1.GetOptions{})
		w.must(err)
		if diff := cmp.Diff(map[string]string{"b": "2"}, m.Data); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if m, err := w.truth.Get(w.ctx, "two", metav1.GetOptions{}); err != nil || len(m.Data) != 2 {
		t.Errorf("two is %v, %v", m.Data, err)
	}
}
