package render

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/singleflight"

	"github.com/addon-manager/addon-manager/internal/adapter/render/engine"
)

// format is part of every key. Raise it with each change of what a render makes of the same job.
const format = 1

// Key names a render: equal keys have equal results, but for what is Unstable.
type Key [32]byte

// String is the key as the names of files have it.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// CacheOptions say what a Cache keeps; zero is the default.
type CacheOptions struct {
	// Bytes is the most memory that results may take: 256 MiB.
	Bytes int64
	// Dir keeps results also on disk, for the next run. They hold what was rendered as it is, secrets included. Empty for none.
	Dir string
	// DirBytes is the most that Dir may take: 1 GiB.
	DirBytes int64
}

// renderer is what Cache needs of Pool.
type renderer interface {
	Render(ctx context.Context, job engine.Job) (engine.Output, error)
}

// Cache renders the same thing once. What it returns is shared, and read-only as all objects are.
type Cache struct {
	renderer renderer
	bytes    int64
	disk     *disk
	flights  singleflight.Group

	mu sync.Mutex
	// entries are by key, recent has the last used in front.
	entries map[Key]*list.Element
	recent  list.List
	size    int64
}

type cached struct {
	key  Key
	out  engine.Output
	size int64
}

// NewCache makes a Cache. An error is about the folder.
func NewCache(r renderer, o CacheOptions) (*Cache, error) {
	c := &Cache{renderer: r, bytes: o.Bytes, entries: map[Key]*list.Element{}}
	set(&c.bytes, 256<<20)
	set(&o.DirBytes, 1<<30)
	if o.Dir != "" {
		var err error
		if c.disk, err = openDisk(o.Dir, o.DirBytes); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Render renders a source, or remembers what came of it. The job has all but the source's files. Errors are not remembered.
func (c *Cache) Render(ctx context.Context, s Source, job engine.Job) (engine.Output, error) {
	key := KeyOf(s, job)
	for {
		if out, ok := c.recall(key); ok {
			return out, nil
		}
		flight := c.flights.DoChan(key.String(), func() (any, error) {
			if out, ok := c.recall(key); ok {
				return out, nil
			}
			if out, ok := c.disk.read(key); ok {
				c.remember(key, out)
				return out, nil
			}
			out, err := c.Fresh(ctx, s, job)
			if err == nil {
				c.remember(key, out)
				c.disk.write(key, out)
			}
			return out, err
		})
		select {
		case <-ctx.Done():
			return engine.Output{}, context.Cause(ctx)
		case r := <-flight:
			if r.Shared && ctx.Err() == nil && (errors.Is(r.Err, context.Canceled) || errors.Is(r.Err, context.DeadlineExceeded)) {
				// Whoever began it gave up, which is no reason for the others.
				continue
			}
			out, _ := r.Val.(engine.Output)
			return out, r.Err
		}
	}
}

// Fresh renders a source without looking at what is remembered.
func (c *Cache) Fresh(ctx context.Context, s Source, job engine.Job) (engine.Output, error) {
	job.Files = s.Files
	return c.renderer.Render(ctx, job)
}

func (c *Cache) recall(key Key) (engine.Output, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return engine.Output{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(cached).out, true
}

func (c *Cache) remember(key Key, out engine.Output) {
	size := sizeOf(out, c.bytes)
	c.mu.Lock()
	defer c.mu.Unlock()
	if size > c.bytes || c.entries[key] != nil {
		return
	}
	c.entries[key] = c.recent.PushFront(cached{key, out, size})
	for c.size += size; c.size > c.bytes; {
		old := c.recent.Remove(c.recent.Back()).(cached)
		delete(c.entries, old.key)
		c.size -= old.size
	}
}

// KeyOf is the key of a render. The job's files are the source's.
func KeyOf(s Source, job engine.Job) (key Key) {
	h := sha256.New()
	job.Files = nil
	if !s.Capabilities {
		job.KubeVersion, job.APIVersions = "", nil
	} else {
		job.APIVersions = slices.Clone(job.APIVersions)
		slices.Sort(job.APIVersions)
	}
	charts := make([]engine.Chart, 0, len(job.Charts))
	for chart := range job.Charts {
		charts = append(charts, chart)
	}
	slices.SortFunc(charts, compareCharts)
	contents := make([][32]byte, len(charts))
	for i, chart := range charts {
		contents[i] = sha256.Sum256(job.Charts[chart])
	}
	job.Charts = nil
	// Values are what JSON has, so encoding cannot fail; if it did, the same for all would be worse than none.
	data, err := encoding.Marshal([]any{version(), s.Digest, job, charts, contents})
	if err != nil {
		panic(err)
	}
	h.Write(data)
	return Key(h.Sum(nil))
}

// version names everything of this program that decides what a render makes.
var version = sync.OnceValue(func() string {
	parts := []string{strconv.Itoa(format)}
	if info, ok := debug.ReadBuildInfo(); ok {
		parts = append(parts, info.GoVersion, info.Main.Version)
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			for _, path := range []string{"helm.sh/helm/", "sigs.k8s.io/kustomize/", "sigs.k8s.io/yaml", "github.com/Masterminds/", "go.yaml.in/yaml/", "gopkg.in/yaml."} {
				if strings.HasPrefix(m.Path, path) {
					parts = append(parts, m.Path+"@"+m.Version)
				}
			}
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
				parts = append(parts, s.Value)
			}
		}
	}
	return strings.Join(parts, " ")
})
