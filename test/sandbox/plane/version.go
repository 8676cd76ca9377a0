package main

import (
	"runtime/debug"
	"sync/atomic"
	_ "unsafe" // for go:linkname

	utilversion "k8s.io/apimachinery/pkg/util/version"
	apimachineryversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/util/compatibility"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	basecompatibility "k8s.io/component-base/compatibility"
	_ "k8s.io/component-base/version" // owner of dynamicGitVersion
)

// versionEnv names the Kubernetes version that /version shows. Without it, it is that of the built-in module.
const versionEnv = "PLANE_KUBERNETES_VERSION"

// dynamicGitVersion is what a Kubernetes component believes to be its own version. Official builds stamp it by a linker
// flag; its setter only accepts what was stamped. Set like this, every build of this program shows a real version.
//
//go:linkname dynamicGitVersion k8s.io/component-base/version.dynamicGitVersion
var dynamicGitVersion atomic.Value

// setKubernetesVersion makes the component show the version of the module it comes from.
func setKubernetesVersion() {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	for _, dep := range info.Deps {
		if dep.Path == "k8s.io/kubernetes" {
			dynamicGitVersion.Store(dep.Version)
			return
		}
	}
}

// poseAs makes the API server's /version show another version. An API server that emulates 1.31 serves the API of 1.31, but
// reports the version of its binary; a cluster of the sandbox should look like a 1.31 cluster wherever people look.
func poseAs(version string) error {
	if version == "" {
		return nil
	}
	shown, err := utilversion.ParseSemantic(version)
	if err != nil {
		return err
	}
	registry := compatibility.DefaultComponentGlobalsRegistry
	registry.Reset()
	return registry.Register(basecompatibility.DefaultKubeComponent,
		posing{compatibility.DefaultBuildEffectiveVersion(), shown}, utilfeature.DefaultMutableFeatureGate)
}

// posing is an effective version that shows another one.
type posing struct {
	basecompatibility.MutableEffectiveVersion
	shown *utilversion.Version
}

func (p posing) Info() *apimachineryversion.Info {
	info := p.MutableEffectiveVersion.Info()
	info.Major, info.Minor = utilversion.Itoa(p.shown.Major()), utilversion.Itoa(p.shown.Minor())
	info.GitVersion = "v" + p.shown.String()
	return info
}
