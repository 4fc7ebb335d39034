// Command addons is the one binary in the image of the add-on pods: CoreDNS,
// metrics-server, the ingress controller and the local-path provisioner.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/template"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: addons coredns|metrics-server|ingress|local-path")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = os.Args[1:]
	var err error
	switch name {
	case "coredns":
		coremain.Run()
	case "metrics-server":
		err = app.NewMetricsServerCommand(genericapiserver.SetupSignalHandler()).Execute()
	case "ingress":
		err = withCluster(runIngress)
	case "local-path":
		err = withCluster(runLocalPath)
	default:
		err = fmt.Errorf("no add-on called %q", name)
	}
	if err != nil {
		klog.ErrorS(err, "Ended", "addon", name)
		os.Exit(1)
	}
}

func withCluster(run func(context.Context, kubernetes.Interface) error) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	return run(genericapiserver.SetupSignalContext(), client)
}
