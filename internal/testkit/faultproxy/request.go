package faultproxy

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Request is what a client asks for, in the words of RBAC.
type Request struct {
	// Verb is get, list, watch, create, update, patch, delete or deletecollection; for what is no resource, the HTTP method in small.
	Verb string
	// Resource includes the subresource: "clusteraddons/status".
	Group, Resource, Namespace, Name string
	// Path is the URL's.
	Path string
	// Agent is the client's own name of itself.
	Agent string
	// FromCache is set when the client takes any old answer, as informers do for their first list.
	FromCache bool
	// Continued is set for the second and every later page of a list.
	Continued bool
	// DryRun is set when nothing will be written.
	DryRun bool
}

// Writes tells whether the request changes an object that anybody decides by. Events and leases are not counted: how many there are
// depends on time.
func (r Request) Writes() bool {
	return slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, r.Verb) && !r.DryRun &&
		!slices.Contains([]string{"events", "leases", "subjectaccessreviews", "selfsubjectaccessreviews", "tokenreviews"}, r.Resource)
}

var resolver = request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

func describe(r *http.Request, body []byte) Request {
	q := r.URL.Query()
	d := Request{
		Verb: strings.ToLower(r.Method), Path: r.URL.Path, Agent: r.UserAgent(), FromCache: q.Get("resourceVersion") == "0", DryRun: q.Has("dryRun"),
		Continued: q.Get("continue") != "",
	}
	info, err := resolver.NewRequestInfo(r)
	if err != nil || !info.IsResourceRequest {
		return d
	}
	d.Verb, d.Group, d.Resource, d.Namespace, d.Name = info.Verb, info.APIGroup, info.Resource, info.Namespace, info.Name
	if info.Subresource != "" {
		d.Resource += "/" + info.Subresource
	}
	if d.Name == "" && d.Verb == "create" {
		d.Name = nameIn(body)
	}
	return d
}

// nameIn is the name of an object about to be created, as far as it has one.
func nameIn(body []byte) string {
	var object struct {
		Metadata struct{ Name string }
	}
	if json.Unmarshal(body, &object) != nil {
		return ""
	}
	return object.Metadata.Name
}
