package plane_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

var shared plane.Shared

func TestMain(m *testing.M) { os.Exit(shared.Run(m)) }

func TestObjectsSurviveARestartOfTheAPIServer(t *testing.T) {
	cp := shared.Get(t)
	ctx := t.Context()
	client := kubernetes.NewForConfigOrDie(cp.Config)
	want, err := client.CoreV1().ConfigMaps("default").Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "kept"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]func(){"stopped": cp.APIServer.Stop, "killed": cp.APIServer.Kill} {
		t.Run(name, func(t *testing.T) {
			end()
			if err := cp.Get(ctx, "/readyz"); err == nil {
				t.Error("the API server answers although it was ended")
			}
			if err := cp.APIServer.Start(ctx); err != nil {
				t.Fatal(err)
			}
			got, err := client.CoreV1().ConfigMaps("default").Get(ctx, "kept", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got.UID != want.UID {
				t.Errorf("UID %s, want %s", got.UID, want.UID)
			}
		})
	}
}

func TestAPausedAPIServerDoesNotAnswer(t *testing.T) {
	cp := shared.Get(t)
	cp.APIServer.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := cp.Get(ctx, "/readyz"); err == nil {
		t.Error("the API server answers although it is paused")
	}
	cp.APIServer.Resume()
	if err := cp.Get(t.Context(), "/readyz"); err != nil {
		t.Errorf("after Resume: %v", err)
	}
}

func TestUserHasOnlyTheRightsItWasGiven(t *testing.T) {
	cp := shared.Get(t)
	config, err := cp.User("visitor")
	if err != nil {
		t.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(config)
	if _, err := client.Discovery().ServerVersion(); err != nil {
		t.Errorf("a known user may ask for the version: %v", err)
	}
	if _, err := client.CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); err == nil {
		t.Error("a user without a role may list Secrets")
	}
}

func TestUpgradeShowsInVersion(t *testing.T) {
	cp := plane.Start(t, plane.Options{Minor: "1.31"})
	if got, want := served(t, cp), [3]string{"v1.31.0", "31", "31"}; got != want {
		t.Errorf("gitVersion, minor and emulationMinor %q, want %q", got, want)
	}
	if err := cp.Upgrade(t.Context(), "1.32"); err != nil {
		t.Fatal(err)
	}
	if got, want := served(t, cp), [3]string{"v1.32.0", "32", "32"}; got != want {
		t.Errorf("gitVersion, minor and emulationMinor %q, want %q", got, want)
	}
}

func served(t *testing.T, cp *plane.ControlPlane) [3]string {
	t.Helper()
	body, err := kubernetes.NewForConfigOrDie(cp.Config).RESTClient().Get().AbsPath("/version").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var info version.Info
	if err := json.Unmarshal(body, &info); err != nil {
		t.Fatal(err)
	}
	return [3]string{info.GitVersion, info.Minor, info.EmulationMinor}
}
