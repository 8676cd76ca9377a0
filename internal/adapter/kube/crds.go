package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// What Argo CD writes on each object to say whose it is, and what people write there to keep it. Argo CD 2.14 tracks by label unless told
// otherwise, Argo CD 3 by annotation.
const (
	trackingLabel      = "app.kubernetes.io/instance"
	trackingAnnotation = "argocd.argoproj.io/tracking-id"
	syncOptions        = "argocd.argoproj.io/sync-options"
	helmPolicy         = "helm.sh/resource-policy"
)

const (
	crdsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
	// crdAccept leaves the schemas out of what is read.
	crdAccept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
	crdsRight = "get and delete customresourcedefinitions.apiextensions.k8s.io"
	maxCRD    = 4 << 20
	// crdTries is how often one is read again because somebody wrote it between reading and deleting.
	crdTries = 3
)

// CRDRemoval says which CustomResourceDefinitions leave with an Application.
type CRDRemoval struct {
	// Application is the name of Argo CD's Application. Only what Argo CD tracks as this one's is deleted.
	Application string
	Names       []string
}

// CRDsRemoved is what became of them. Those that were gone already are in neither list.
type CRDsRemoved struct {
	// Deleted are those whose deletion was accepted, now or earlier. They go when their custom resources have gone.
	Deleted []string
	// Left are those that stay for good, and why.
	Left []CRDLeft
}

// CRDLeft is a CustomResourceDefinition that is not ours to delete.
type CRDLeft struct{ Name, Why string }

func (l CRDLeft) String() string { return l.Name + " " + l.Why }

// DeleteCRDs deletes CustomResourceDefinitions of the cluster that a Secret's data lead to, which Argo CD 2.14 never does when an
// Application goes. Custom resources go along, all of them.
//
// It deletes none that carry Argo CD's tracking of another Application, and none that people marked to be kept; it waits for
// nothing, and doing it again is fine. An error says which ones are still to do, and why. One that ends the connection ends the
// work, others are joined. What a person must mend is a *ProbeError inside.
//
// The Secret's credentials need get and delete on customresourcedefinitions. Where data.server is cluster.LocalServer and the config has no
// credentials of its own, they are the manager's, whose role then needs the same.
func (p *Prober) DeleteCRDs(ctx context.Context, data map[string][]byte, r CRDRemoval) (CRDsRemoved, error) {
	var done CRDsRemoved
	if r.Application == "" { // Would fit whatever is not tracked at all.
		return done, errors.New("delete CustomResourceDefinitions: the name of the Application is empty")
	}
	cfg, err := ConfigFromSecret(data, p.ask.config)
	if err != nil {
		return done, fmt.Errorf("delete CustomResourceDefinitions of Application %q: %w", r.Application, err)
	}
	c, err := open(cfg)
	if err != nil {
		return done, fmt.Errorf("delete CustomResourceDefinitions of Application %q: %w", r.Application, err)
	}
	defer c.close()
	names := slices.Compact(slices.Sorted(slices.Values(r.Names)))
	var errs []error
	for i, name := range names {
		fate, err := p.deleteCRD(ctx, cfg, c, crd{name: name, application: r.Application})
		switch {
		case fate.why != "":
			done.Left = append(done.Left, CRDLeft{Name: name, Why: fate.why})
		case fate.deleted:
			done.Deleted = append(done.Deleted, name)
		}
		if err == nil {
			continue
		}
		err = fmt.Errorf("delete CustomResourceDefinition %q of Application %q: %w", name, r.Application, err)
		if rest := len(names) - i - 1; rest > 0 && endsWork(err) {
			err = fmt.Errorf("%w; %d more were not tried", err, rest)
			return done, errors.Join(append(errs, err)...)
		}
		errs = append(errs, err)
	}
	return done, errors.Join(errs...)
}

// endsWork reports whether what failed would fail for every other object too: the next ones would each wait for the same silence.
func endsWork(err error) bool {
	var probe *ProbeError
	return errors.As(err, &probe) && probe.Code != CodeNotKubernetes
}

// crd is one to be deleted, if it is the Application's.
type crd struct{ name, application string }

// fate is what became of it: gone before when zero.
type fate struct {
	deleted bool
	why     string
}

// crdName is what an API server accepts as one's name, which is a part of the path that is asked for.
var crdName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$`)

func (p *Prober) deleteCRD(ctx context.Context, cfg *rest.Config, c *conn, d crd) (fate, error) {
	if len(d.name) > 253 || !crdName.MatchString(d.name) {
		return fate{why: "is no name of a CustomResourceDefinition"}, nil
	}
	for range crdTries {
		found, err := within(ctx, p.ask, cfg, p.opts.Timeout, func(ctx context.Context) (*metav1.PartialObjectMetadata, error) { return c.getCRD(ctx, d.name) })
		switch {
		case err != nil:
			return fate{}, err
		case found == nil:
			return fate{}, nil
		}
		if why := d.keep(found); why != "" {
			return fate{why: why}, nil
		}
		if found.DeletionTimestamp != nil {
			return fate{deleted: true}, nil
		}
		changed, err := within(ctx, p.ask, cfg, p.opts.Timeout, func(ctx context.Context) (bool, error) { return c.deleteCRD(ctx, found) })
		if err != nil {
			return fate{}, err
		}
		if !changed {
			return fate{deleted: true}, nil
		}
	}
	return fate{}, fmt.Errorf("somebody else changed it %d times meanwhile", crdTries)
}

// keep says why one stays; empty when it may go.
func (d crd) keep(found *metav1.PartialObjectMetadata) string {
	if !d.tracks(found) {
		return fmt.Sprintf("is tracked by Argo CD as part of another Application than %q (annotation %s, label %s)", d.application, trackingAnnotation, trackingLabel)
	}
	for _, o := range options(found.Annotations[syncOptions]) {
		if o == "Delete=false" || o == "Delete=confirm" {
			return fmt.Sprintf("has %s in annotation %s", o, syncOptions)
		}
	}
	if slices.Contains(options(found.Annotations[helmPolicy]), "keep") {
		return fmt.Sprintf("has annotation %s: keep", helmPolicy)
	}
	return ""
}

// tracks reports whether Argo CD tracks it as the Application's. Where there is an annotation, it decides, because charts set the label
// too; a copy of it on another object tracks nothing, so it must name this very one.
func (d crd) tracks(found *metav1.PartialObjectMetadata) bool {
	if id, ok := found.Annotations[trackingAnnotation]; ok {
		own, ok := strings.CutPrefix(id, d.application+":apiextensions.k8s.io/CustomResourceDefinition:")
		_, name, slash := strings.Cut(own, "/")
		return ok && slash && name == d.name
	}
	// Argo CD puts no tracking on CustomResourceDefinitions; that it lists this one as part of the Application is why it was named.
	owner, ok := found.Labels[trackingLabel]
	return !ok || owner == d.application
}

// options takes apart a list as Argo CD's and Helm's annotations hold it.
func options(list string) []string {
	all := strings.Split(list, ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// getCRD answers nil when there is none.
func (c *conn) getCRD(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	path := crdsPath + name
	status, body, err := c.do(ctx, request{method: http.MethodGet, path: path, accept: crdAccept, max: maxCRD})
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound && missing(body, name):
		return nil, nil
	case status != http.StatusOK:
		return nil, statusFault(status, c.host, path, crdsRight)
	}
	found := &metav1.PartialObjectMetadata{}
	err = json.Unmarshal(body, found)
	if err != nil || found.Kind != "PartialObjectMetadata" || found.Name != name || found.UID == "" || found.ResourceVersion == "" {
		return nil, probeErrorf(CodeNotKubernetes, "%s answers %s with something that is not the metadata of an object", c.host, path)
	}
	return found, nil
}

// missing reports whether it is an API server that says there is no such object: any web server says 404 to a path that it does not know.
func missing(body []byte, name string) bool {
	var s metav1.Status
	return json.Unmarshal(body, &s) == nil && s.Kind == "Status" && s.Reason == metav1.StatusReasonNotFound &&
		s.Details != nil && s.Details.Kind == "customresourcedefinitions" && s.Details.Name == name
}

// deleteCRD deletes exactly what was read: not another of the same name, and not one that somebody has marked otherwise since. changed
// says that it has become another.
func (c *conn) deleteCRD(ctx context.Context, found *metav1.PartialObjectMetadata) (changed bool, err error) {
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:      metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"},
		Preconditions: &metav1.Preconditions{UID: &found.UID, ResourceVersion: &found.ResourceVersion},
	})
	if err != nil {
		return false, err
	}
	path := crdsPath + found.Name
	status, _, err := c.do(ctx, request{method: http.MethodDelete, path: path, accept: crdAccept, body: body, max: maxCRD})
	switch {
	case err != nil:
		return false, err
	case status == http.StatusOK, status == http.StatusAccepted:
		return false, nil
	case status == http.StatusConflict, status == http.StatusNotFound:
		return true, nil
	}
	return false, statusFault(status, c.host, path, crdsRight)
}
