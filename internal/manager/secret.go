package manager

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/addon-manager/addon-manager/internal/core/cluster"
	"github.com/addon-manager/addon-manager/internal/core/fault"
	"github.com/addon-manager/addon-manager/internal/manager/gather"
	corev1 "k8s.io/api/core/v1"
)

// digestKey holds, in the cached copy of a cluster Secret only, a digest of the credentials that were taken out.
const digestKey = "addons.kaas.dev.config-digest"

// factKeys are the parts of a cluster Secret that facts are read from.
var factKeys = []string{"name", "server", "namespaces", "clusterResources", "project", "shard"}

// slimSecret takes the credentials out of a cluster Secret before it is cached: thousands of them need memory, and what is not
// there cannot leak. A config that is broken stays, because the facts tell how.
func slimSecret(s *corev1.Secret) {
	data := make(map[string][]byte, len(factKeys)+2)
	for _, key := range factKeys {
		if v, ok := s.Data[key]; ok {
			data[key] = v
		}
	}
	config := s.Data["config"]
	sum := sha256.Sum256(append(append([]byte{}, config...), s.Data["server"]...))
	data[digestKey] = []byte(hex.EncodeToString(sum[:8]))
	broken := slices.ContainsFunc(factsOf(s).Problems, func(p fault.Problem) bool {
		return p.Code == cluster.CodeInvalidConfig || p.Code == cluster.CodeInvalidCredentials
	})
	if broken {
		data["config"] = config
	}
	s.Data = data
	s.ManagedFields = nil
	delete(s.Annotations, corev1.LastAppliedConfigAnnotation)
}

func factsOf(s *corev1.Secret) cluster.Facts {
	return cluster.Read(gather.Secret(s))
}

// sameFacts reports whether two cached copies of a Secret lead to the same decisions: a rotated token must
// wake nothing. All annotations count, because a parameter may come from any of them.
func sameFacts(a, b *corev1.Secret) bool {
	if !maps.Equal(a.Labels, b.Labels) || !maps.Equal(a.Annotations, b.Annotations) || (a.DeletionTimestamp != nil) != (b.DeletionTimestamp != nil) {
		return false
	}
	for _, key := range append(factKeys, "config") {
		if string(a.Data[key]) != string(b.Data[key]) {
			return false
		}
	}
	return true
}
