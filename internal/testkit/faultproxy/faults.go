package faultproxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Fault is what happens in place of an honest answer. It runs on the request's own goroutine.
type Fault func(*Exchange)

// Status answers with an error, and does nothing.
func Status(code int, reason metav1.StatusReason, message string) Fault {
	return func(x *Exchange) { x.Reply(status(code, reason, message, 0)) }
}

func status(code int, reason metav1.StatusReason, message string, retryAfter int) Answer {
	s := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(retryAfter))
		s.Details = &metav1.StatusDetails{RetryAfterSeconds: int32(retryAfter)}
	}
	body, err := json.Marshal(s)
	if err != nil {
		panic(err) // Of strings and numbers only.
	}
	return Answer{Code: code, Header: header, Body: body}
}

// Conflict is 409: somebody else wrote first.
func Conflict() Fault {
	return Status(http.StatusConflict, metav1.StatusReasonConflict, "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again")
}

// Expired is 410: the version or the continue token is too old.
func Expired() Fault {
	return Status(http.StatusGone, metav1.StatusReasonExpired, "The provided continue parameter is too old to display a consistent list result")
}

// TooLarge is 413.
func TooLarge() Fault {
	return Status(http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge, "Request entity too large: limit is 3145728")
}

// EtcdTooLarge is what the API server makes of an object that etcd refuses for its size.
func EtcdTooLarge() Fault {
	return Status(http.StatusInternalServerError, metav1.StatusReasonUnknown, "etcdserver: request is too large")
}

// TooManyRequests is 429 with Retry-After.
func TooManyRequests(seconds int) Fault {
	return func(x *Exchange) {
		x.Reply(status(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, "The server has received too many requests and has asked us to try again later", seconds))
	}
}

// Internal is 500.
func Internal() Fault {
	return Status(http.StatusInternalServerError, metav1.StatusReasonInternalError, "Internal error occurred: etcdserver: leader changed")
}

// Unavailable is 503.
func Unavailable() Fault {
	return Status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request")
}

// Timeout is 504: the API server gave up waiting.
func Timeout() Fault {
	return Status(http.StatusGatewayTimeout, metav1.StatusReasonTimeout, "Timeout: request did not complete within requested timeout")
}

// Forbidden is RBAC's 403.
func Forbidden() Fault {
	return func(x *Exchange) {
		x.Reply(status(http.StatusForbidden, metav1.StatusReasonForbidden,
			fmt.Sprintf("%s %q is forbidden: User cannot %s resource %q in API group %q in the namespace %q", x.Resource, x.Name, x.Verb, x.Resource, x.Group, x.Namespace), 0))
	}
}

// Denied is an admission webhook's refusal.
func Denied(message string) Fault {
	return Status(http.StatusForbidden, metav1.StatusReasonForbidden, fmt.Sprintf("admission webhook %q denied the request: %s", "policy.example.com", message))
}

// Unknown is 404 for a kind that the API server does not serve, as after its CustomResourceDefinition is deleted.
func Unknown() Fault {
	return func(x *Exchange) {
		x.Reply(Answer{Code: http.StatusNotFound, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("404 page not found\n")})
	}
}

// Drop ends the connection before anything is done.
func Drop() Fault { return (*Exchange).Drop }

// Landed does what is asked, and then answers something else.
func Landed(then Fault) Fault {
	return func(x *Exchange) {
		x.Forward()
		then(x)
	}
}

// Delay waits first, then goes on with another fault, or honestly if that is nil.
func Delay(d time.Duration, then Fault) Fault {
	if then == nil {
		then = (*Exchange).Pass
	}
	return func(x *Exchange) {
		select {
		case <-time.After(d):
		case <-x.r.Context().Done():
			x.Drop()
		}
		then(x)
	}
}

// EditWrite changes the object that is sent, as mutating admission does, or a schema that prunes fields.
func EditWrite(edit func(object map[string]any)) Fault {
	return func(x *Exchange) {
		if edited, ok := editJSON(x.Body, edit); ok {
			x.Body = edited
		}
		x.Pass()
	}
}

// EditAnswer changes the object or list that comes back.
func EditAnswer(edit func(object map[string]any)) Fault {
	return func(x *Exchange) {
		a := x.Forward()
		if a.Code < 300 {
			if edited, ok := editJSON(a.Body, edit); ok {
				a.Body = edited
			}
		}
		x.Reply(a)
	}
}

func editJSON(body []byte, edit func(map[string]any)) ([]byte, bool) {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return nil, false
	}
	edit(object)
	edited, err := json.Marshal(object)
	return edited, err == nil
}
