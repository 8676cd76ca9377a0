package github

import (
	"encoding/json"
	"net/http"
)

// answer is what a handler says.
type answer struct {
	status int
	body   any
	// list is the whole list of which one page is sent; wrap, when set, puts the page into an object with its total_count.
	list []any
	wrap string
	// location is where something that moved is now.
	location string
	// elsewhere is the address at which a file is.
	elsewhere string
}

type object = map[string]any

func ok(body any) answer       { return answer{status: http.StatusOK, body: body} }
func created(body any) answer  { return answer{status: http.StatusCreated, body: body} }
func listed(list []any) answer { return answer{status: http.StatusOK, list: nonNil(list)} }
func none() answer             { return answer{status: http.StatusNoContent} }

func nonNil(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}

const documentation = "https://docs.github.com/rest"

func failed(status int, message string) answer {
	return answer{status: status, body: object{"message": message, "documentation_url": documentation}}
}

func notFound() answer { return failed(http.StatusNotFound, "Not Found") }

// invalid is GitHub's 422: what is wrong is in errors.
func invalid(errors ...object) answer {
	all := make([]any, len(errors))
	for i := range errors {
		all[i] = errors[i]
	}
	return answer{status: http.StatusUnprocessableEntity, body: object{"message": "Validation Failed", "errors": all, "documentation_url": documentation}}
}

// custom is an error with a message of its own, field one about a field.
func custom(resource, message string) object {
	return object{"resource": resource, "code": "custom", "message": message}
}

func field(resource, name, code string) object {
	return object{"resource": resource, "field": name, "code": code}
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // Only values that this package made come here.
	}
	return text
}
