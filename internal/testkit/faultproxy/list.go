package faultproxy

import (
	"maps"
	"net/http"
	"strconv"
)

// Truncated answers a list with its first n items only, and says nothing of the rest. With 0 it is empty.
func Truncated(n int) Fault {
	return EditAnswer(func(list map[string]any) {
		items, ok := list["items"].([]any)
		if !ok {
			return
		}
		list["items"] = items[:min(n, len(items))]
		if metadata, ok := list["metadata"].(map[string]any); ok {
			delete(metadata, "continue")
			delete(metadata, "remainingItemCount")
		}
	})
}

// Paged makes lists that are asked for in pages come in pages of n, so that a few objects are enough for several pages.
func Paged(n int) Fault {
	return func(x *Exchange) {
		if q := x.r.URL.Query(); q.Get("limit") != "" {
			q.Set("limit", strconv.Itoa(n))
			x.query = q
		}
		x.Pass()
	}
}

// Freeze remembers every list as it was last answered, for Stale.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = maps.Clone(p.lists)
}

// Stale answers a list as it was at the last Freeze, as an API server does that lags behind: only to those who take any old answer.
func Stale() Fault {
	return func(x *Exchange) {
		x.proxy.mu.Lock()
		old := x.proxy.frozen[key(x.r)]
		x.proxy.mu.Unlock()
		if old == nil || !x.FromCache {
			x.Pass()
			return
		}
		x.Reply(Answer{Code: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: old})
	}
}
