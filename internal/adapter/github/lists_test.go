package github

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/addon-manager/addon-manager/internal/core/forge"
)

// hub lists pull requests as GitHub does, and lets the world change between two pages.
type hub struct {
	mu      sync.Mutex
	pulls   []*entry
	between func(asked int)
	asked   int
	// links are written for this host.
	host string
}

type entry struct {
	number  int
	open    bool
	updated time.Time
}

func (h *hub) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	query := r.URL.Query()
	shown := slices.DeleteFunc(slices.Clone(h.pulls), func(e *entry) bool { return query.Get("state") == "open" && !e.open })
	slices.SortFunc(shown, func(a, b *entry) int {
		if query.Get("sort") == "updated" && !a.updated.Equal(b.updated) {
			return a.updated.Compare(b.updated)
		}
		return a.number - b.number
	})
	if query.Get("direction") == "desc" {
		slices.Reverse(shown)
	}
	page, _ := strconv.Atoi(query.Get("page"))
	from, to := min((page-1)*100, len(shown)), min(page*100, len(shown))
	if to < len(shown) {
		out.Header().Set("Link", fmt.Sprintf(`<%s/repos/o/r/pulls?page=%d>; rel="next"`, h.host, page+1))
	}
	var items []string
	for _, e := range shown[from:to] {
		state := "closed"
		if e.open {
			state = "open"
		}
		items = append(items, fmt.Sprintf(`{"number":%d,"state":%q,"updated_at":%q,"body":%q}`, e.number, state, e.updated.Format(time.RFC3339), strings.Repeat("x", 300)))
	}
	fmt.Fprintf(out, "[%s]", strings.Join(items, ","))
	if h.between != nil {
		h.between(h.asked)
	}
}

func (h *hub) client(t *testing.T) *Client {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	if h.host == "" {
		h.host = server.URL
	}
	m := newManual()
	c, err := New(Options{APIURL: server.URL, Owner: "o", Name: "r", Token: testToken, Now: m.now, Sleep: m.sleep})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newHub(n int) *hub {
	h := &hub{}
	for i := range n {
		h.pulls = append(h.pulls, &entry{i + 1, true, newManual().at.Add(time.Duration(i) * time.Second)})
	}
	return h
}

func numbers(pulls []forge.Pull) []int {
	var found []int
	for _, p := range pulls {
		found = append(found, p.Number)
	}
	return found
}

// TestManyPulls lists 10,000 open pull requests (a13), whose links name another host (a10).
func TestManyPulls(t *testing.T) {
	h := newHub(10_000)
	h.host = "https://elsewhere.invalid"
	c := h.client(t)
	pulls, err := c.OpenPulls(t.Context())
	if err != nil || len(pulls) != 10_000 || pulls[9_999].Number != 10_000 {
		t.Fatalf("%d, %v", len(pulls), err)
	}
	if h.asked != 200 {
		t.Errorf("asked %d times, want 200: each page twice", h.asked)
	}
}

// TestPagesThatMove closes and updates pull requests between two pages (fault 68): what stays open is listed, each once.
func TestPagesThatMove(t *testing.T) {
	t.Run("one closes on a page that was read", func(t *testing.T) {
		h := newHub(250)
		h.between = func(asked int) {
			if asked == 1 {
				h.pulls[10].open = false // Number 101 moves to the first page.
			}
		}
		pulls, err := h.client(t).OpenPulls(t.Context())
		if got := numbers(pulls); err != nil || len(got) != 249 || slices.Contains(got, 11) || !slices.Contains(got, 101) {
			t.Errorf("%d: %v", len(got), err)
		}
	})
	t.Run("one is reopened on a page that was read", func(t *testing.T) {
		h := newHub(250)
		h.pulls[0].open = false
		h.between = func(asked int) { h.pulls[0].open = asked > 0 } // Number 101 is on the second page, too.
		pulls, err := h.client(t).OpenPulls(t.Context())
		if got := numbers(pulls); err != nil || len(got) != 250 || !slices.IsSorted(got) {
			t.Errorf("%d: %v", len(got), err)
		}
	})
	t.Run("one is updated before it was read", func(t *testing.T) {
		h := newHub(250)
		h.between = func(asked int) {
			if asked == 1 {
				h.pulls[20].updated = newManual().at.Add(time.Hour) // Number 21 would have been on the third page.
			}
		}
		pulls, err := h.client(t).PullsSince(t.Context(), newManual().at)
		if got := numbers(pulls); err != nil || len(got) != 250 || !pulls[20].Updated.Equal(newManual().at.Add(time.Hour)) {
			t.Errorf("%d: %v", len(got), err)
		}
	})
	t.Run("only the new ones are read", func(t *testing.T) {
		h := newHub(1000)
		pulls, err := h.client(t).PullsSince(t.Context(), newManual().at.Add(990*time.Second))
		if got := numbers(pulls); err != nil || !slices.Equal(got, []int{991, 992, 993, 994, 995, 996, 997, 998, 999, 1000}) || h.asked != 1 {
			t.Errorf("%v after %d requests: %v", got, h.asked, err)
		}
	})
	t.Run("everything changes all the time", func(t *testing.T) {
		h := newHub(500)
		h.between = func(asked int) { h.pulls[asked].open = false }
		pulls, err := h.client(t).OpenPulls(t.Context())
		if err != nil || len(pulls) < 450 || h.asked > 25 {
			t.Errorf("%d after %d requests: %v", len(pulls), h.asked, err)
		}
	})
}

// TestPagesWithoutEnd are links that lead back, or on and on.
func TestPagesWithoutEnd(t *testing.T) {
	back := newWire(t).on("GET issues/1/comments", with(ok(`[]`), "Link", `<SELF/x?page=2>; rel="next"`)).on("GET issues/1/comments page 2", with(ok(`[]`), "Link", `<SELF/x?page=2>; rel="next"`))
	c, _ := back.client(t)
	_, err := c.Comments(t.Context(), 1)
	if want := "list the comments of pull request #1: GitHub cannot be reached: it says that page 2 comes after page 2"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	on := newWire(t).on("GET issues/1/comments", with(ok(`[]`), "Link", `<SELF/x?page=1001>; rel="next"`))
	c, _ = on.client(t)
	_, err = c.Comments(t.Context(), 1)
	if want := "list the comments of pull request #1: GitHub cannot be reached: it lists more than 1000 pages of 100"; err == nil || err.Error() != want || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// TestPullsOfOthers are pull requests that only look like those of the bot's branch: from a fork (w16), or of another branch.
func TestPullsOfOthers(t *testing.T) {
	from := func(number int, head, repository string) string {
		return fmt.Sprintf(`{"number":%d,"state":"open","head":{"ref":%q,"repo":{"full_name":%q}}}`, number, head, repository)
	}
	w := newWire(t).on("GET pulls", ok("["+strings.Join([]string{from(4, "pick/a", "O/R"), from(7, "pick/a", "o/r"), from(5, "pick/a", "o/fork"), from(6, "pick/b", "o/r"), `{"number":8,"state":"open","head":{"ref":"pick/a","repo":null}}`}, ",")+"]"))
	c, _ := w.client(t)
	pulls, err := c.PullsOf(t.Context(), "pick/a")
	if got := numbers(pulls); err != nil || !slices.Equal(got, []int{7, 4}) {
		t.Errorf("%v, %v", got, err)
	}
}
