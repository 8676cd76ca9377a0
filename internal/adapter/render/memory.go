package render

import (
	"fmt"
	"os"
	"runtime/metrics"
	"time"
)

// outOfMemory is what a renderer process says last when it takes more than it may. Go says the same when the system refuses it memory.
const outOfMemory = "out of memory"

// watchMemory ends this process when it takes more than the limit, until done is closed. The system's own limit lies above: it counts what is
// reserved rather than used, and Go crashes in many ways when it meets that one.
func watchMemory(limit int64, done <-chan struct{}) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if inUse() > limit {
				fmt.Fprintln(os.Stderr, "fatal error: "+outOfMemory)
				os.Exit(2)
			}
		}
	}
}

// inUse is the memory that this process has of the system, in bytes.
func inUse() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
