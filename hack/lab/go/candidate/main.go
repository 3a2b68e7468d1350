// A candidate for a Lease that elects as the Go program velero-volume-controller
// does: client-go's leaderelection on a LeaseLock, in the same way of use. On
// SIGTERM the work ends but the Lease is renewed for as long as the process lives,
// and it is never given back; a second signal ends it with 1, a lost Lease with 0.
//
// While it leads it writes an annotation to a pod again and again, so that whoever
// watches that pod sees when it acted. What it does is said on standard output, one
// JSON object a line.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	namespace := flag.String("namespace", "", "namespace of the Lease and of the pod")
	lease := flag.String("lease", "", "name of the Lease")
	identity := flag.String("identity", "", "who it is in the Lease")
	pod := flag.String("pod", "", "the pod that is annotated while it leads")
	every := flag.Duration("every", 50*time.Millisecond, "how often the pod is annotated")
	leaseDuration := flag.Duration("lease-duration", 60*time.Second, "as client-go's LeaseDuration")
	renewDeadline := flag.Duration("renew-deadline", 15*time.Second, "as client-go's RenewDeadline")
	retryPeriod := flag.Duration("retry-period", 5*time.Second, "as client-go's RetryPeriod")
	flag.Parse()

	configuration, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	exitOn(err)
	configuration.QPS = -1 // client-go's own limit of 5 requests a second would space the writes out
	client, err := kubernetes.NewForConfig(configuration)
	exitOn(err)

	var stopped atomic.Bool
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		stopped.Store(true)
		say("stopped working", nil)
		<-signals
		os.Exit(1)
	}()

	work := func(ctx context.Context) {
		say("leading", nil)
		for number := 1; !stopped.Load(); number++ {
			body, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{
				"written-by": fmt.Sprintf("%s %d", *identity, number),
			}}})
			exitOn(err)
			_, err = client.CoreV1().Pods(*namespace).Patch(ctx, *pod, types.MergePatchType, body, metav1.PatchOptions{})
			if err != nil {
				say("not written", err)
			}
			time.Sleep(*every)
		}
	}

	lock := &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: *lease},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: *identity},
	}
	leaderelection.RunOrDie(context.Background(), leaderelection.LeaderElectionConfig{
		Lock:            lock,
		ReleaseOnCancel: true,
		LeaseDuration:   *leaseDuration,
		RenewDeadline:   *renewDeadline,
		RetryPeriod:     *retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: work,
			OnStoppedLeading: func() {
				say("lost", nil)
				os.Exit(0)
			},
			OnNewLeader: func(holder string) { say("holder is "+holder, nil) },
		},
	})
}

func say(message string, err error) {
	line := map[string]any{"message": message, "time": time.Now().UTC()}
	if err != nil {
		line["error"] = err.Error()
	}
	exitOn(json.NewEncoder(os.Stdout).Encode(line))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "candidate:", err)
		os.Exit(1)
	}
}
