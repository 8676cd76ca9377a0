package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
)

// podWorkers is how many pods change at once.
const podWorkers = 4

// runPods plays every pod of the nodes until ctx ends.
func runPods(ctx context.Context, client kubernetes.Interface, nodes map[string]node) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
	}))
	pods := factory.Core().V1().Pods()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]())
	enqueue := func(o any) {
		if name, err := cache.ObjectToName(o); err == nil {
			queue.Add(name)
		}
	}
	_, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, o any) { enqueue(o) },
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubelet: watch pods: %v\n", err)
		return
	}
	context.AfterFunc(ctx, queue.ShutDown)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	player := player{client: client, nodes: nodes}
	work := func() bool {
		name, shutdown := queue.Get()
		if shutdown {
			return false
		}
		defer queue.Done(name)
		pod, err := pods.Lister().Pods(name.Namespace).Get(name.Name)
		if err == nil {
			err = player.play(ctx, pod)
		}
		if err == nil || apierrors.IsNotFound(err) {
			queue.Forget(name)
			return true
		}
		if !apierrors.IsConflict(err) && ctx.Err() == nil {
			fmt.Fprintf(os.Stderr, "kubelet: pod %s: %v\n", name, err)
		}
		queue.AddRateLimited(name)
		return true
	}
	done := make(chan struct{})
	for range podWorkers {
		go func() {
			for work() {
			}
			done <- struct{}{}
		}()
	}
	for range podWorkers {
		<-done
	}
}

// player gives pods the status that a kubelet would.
type player struct {
	client kubernetes.Interface
	nodes  map[string]node
	pods   atomic.Uint32 // given addresses so far
}

func (p *player) play(ctx context.Context, pod *corev1.Pod) error {
	n, ours := p.nodes[pod.Spec.NodeName]
	if !ours {
		return nil
	}
	pods := p.client.CoreV1().Pods(pod.Namespace)
	if pod.DeletionTimestamp != nil {
		return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To[int64](0),
			Preconditions:      metav1.NewUIDPreconditions(string(pod.UID)),
		})
	}
	if pod.Status.StartTime != nil {
		return nil // played already
	}
	pod = pod.DeepCopy()
	podIP := n.ip
	if !pod.Spec.HostNetwork {
		number := p.pods.Add(1)
		podIP = fmt.Sprintf("10.244.%d.%d", number>>8&0xff, number&0xff)
	}
	setStatus(pod, n.ip, podIP, metav1.Now())
	_, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
	return err
}

// setStatus decides what becomes of a pod: Running and Ready, Succeeded when its containers are not meant to go on, or
// Pending when an image cannot be pulled.
func setStatus(pod *corev1.Pod, hostIP, podIP string, now metav1.Time) {
	status := &pod.Status
	status.StartTime, status.HostIP, status.PodIP = &now, hostIP, podIP
	status.HostIPs, status.PodIPs = []corev1.HostIP{{IP: hostIP}}, []corev1.PodIP{{IP: podIP}}

	broken := false
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		broken = broken || unpullable(c.Image)
	}
	completes := pod.Spec.RestartPolicy != corev1.RestartPolicyAlways
	for _, c := range pod.Spec.InitContainers {
		sidecar := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		status.InitContainerStatuses = append(status.InitContainerStatuses, containerStatus(c, !sidecar || completes, broken, now))
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(c, completes, broken, now))
	}

	ready, reason := corev1.ConditionTrue, ""
	switch {
	case broken:
		status.Phase, ready, reason = corev1.PodPending, corev1.ConditionFalse, "ContainersNotReady"
	case completes:
		status.Phase, ready, reason = corev1.PodSucceeded, corev1.ConditionFalse, "PodCompleted"
	default:
		status.Phase = corev1.PodRunning
	}
	setCondition(status, corev1.PodInitialized, corev1.ConditionTrue, "", now)
	setCondition(status, corev1.ContainersReady, ready, reason, now)
	setCondition(status, corev1.PodReady, ready, reason, now)
	for _, gate := range pod.Spec.ReadinessGates {
		setCondition(status, gate.ConditionType, corev1.ConditionTrue, "Simulated", now)
	}
}

func containerStatus(c corev1.Container, completes, broken bool, now metav1.Time) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: c.Name, Image: c.Image}
	switch {
	case broken:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
		if unpullable(c.Image) {
			s.State.Waiting = &corev1.ContainerStateWaiting{
				Reason:  "ImagePullBackOff",
				Message: fmt.Sprintf("Back-off pulling image %q", c.Image),
			}
		}
		return s
	case completes:
		s.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: now, FinishedAt: now}
	default:
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: now}
		s.Ready = true
	}
	s.Started = ptr.To(s.Ready)
	s.ImageID, s.ContainerID = "simulated://"+c.Image, "simulated://"+c.Name
	return s
}

// unpullable says whether the image's registry is in the domain that never exists.
func unpullable(image string) bool {
	host, _, _ := strings.Cut(image, "/")
	host, _, _ = strings.Cut(host, ":")
	return strings.HasSuffix(host, ".invalid")
}

func setCondition(s *corev1.PodStatus, kind corev1.PodConditionType, status corev1.ConditionStatus, reason string, now metav1.Time) {
	condition := corev1.PodCondition{Type: kind, Status: status, Reason: reason, LastTransitionTime: now}
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			s.Conditions[i] = condition
			return
		}
	}
	s.Conditions = append(s.Conditions, condition)
}
