package plane_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/addon-manager/addon-manager/internal/testkit/plane"
)

const namespace = "default"

func TestWorkloadsRun(t *testing.T) {
	cp := plane.Start(t, plane.Options{Name: "w", Minor: "1.32", ControllerManager: true, Scheduler: true, Nodes: 2})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := kubernetes.NewForConfigOrDie(cp.Config)
	labels := map[string]string{"app": "a"}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "init", Image: "example.com/init:1"}},
			Containers:     []corev1.Container{{Name: "app", Image: "example.com/app:1"}},
		},
	}
	once := template.DeepCopy()
	once.Labels = nil
	once.Spec.RestartPolicy = corev1.RestartPolicyNever
	broken := template.DeepCopy()
	broken.Labels = map[string]string{"app": "broken"}
	broken.Spec.Containers[0].Image = "registry.invalid/app:1"

	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	create := metav1.CreateOptions{}
	_, err1 := client.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: meta("d"), Spec: appsv1.DeploymentSpec{Selector: selector, Template: template},
	}, create)
	_, err2 := client.AppsV1().DaemonSets(namespace).Create(ctx, &appsv1.DaemonSet{
		ObjectMeta: meta("ds"), Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template},
	}, create)
	_, err3 := client.BatchV1().Jobs(namespace).Create(ctx, &batchv1.Job{
		ObjectMeta: meta("j"), Spec: batchv1.JobSpec{Template: *once},
	}, create)
	_, err4 := client.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{
		ObjectMeta: meta("broken"),
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: broken.Labels}, Template: *broken},
	}, create)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}

	get := metav1.GetOptions{}
	err := plane.Until(ctx, func(ctx context.Context) error {
		d, err1 := client.AppsV1().Deployments(namespace).Get(ctx, "d", get)
		ds, err2 := client.AppsV1().DaemonSets(namespace).Get(ctx, "ds", get)
		j, err3 := client.BatchV1().Jobs(namespace).Get(ctx, "j", get)
		pods, err4 := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=broken"})
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		waiting := ""
		for _, pod := range pods.Items {
			for _, c := range pod.Status.ContainerStatuses {
				waiting = c.State.Waiting.Reason
			}
		}
		got := fmt.Sprint("available ", d.Status.AvailableReplicas, " and ", ds.Status.NumberAvailable,
			", succeeded ", j.Status.Succeeded, ", broken: ", waiting)
		if want := "available 1 and 2, succeeded 1, broken: ImagePullBackOff"; got != want {
			return fmt.Errorf("%s; want %s", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	if err := client.AppsV1().Deployments(namespace).Delete(ctx, "d", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	err = plane.Until(ctx, func(ctx context.Context) error {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=a"})
		if err == nil && len(pods.Items) != 2 {
			err = fmt.Errorf("%d pods, want the 2 of the DaemonSet", len(pods.Items))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
