package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"

	"github.com/spf13/cobra"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/cli/globalflag"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/component-base/version/verflag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// supervisorSocket names the Unix socket on which the K3s supervisor answers.
const supervisorSocket = "K3S_SUPERVISOR_SOCKET"

// newAPIServerCommand is the upstream API server that also answers K3s's own
// paths: K3s serves both on port 6443, so one open port is enough here as well.
func newAPIServerCommand() *cobra.Command {
	serverOptions := options.NewServerRunOptions()
	ctx := genericapiserver.SetupSignalContext()
	registry := serverOptions.GenericServerRunOptions.ComponentGlobalsRegistry
	command := &cobra.Command{
		Use:          "kube-apiserver",
		SilenceUsage: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			rest.SetDefaultWarningHandler(rest.NoWarnings{})
			return registry.Set()
		},
		RunE: func(*cobra.Command, []string) error {
			verflag.PrintAndExitIfRequested()
			if err := logsapi.ValidateAndApply(serverOptions.Logs, nil); err != nil {
				return err
			}
			completed, err := serverOptions.Complete(ctx)
			if err != nil {
				return err
			}
			if faults := completed.Validate(); len(faults) != 0 {
				return utilerrors.NewAggregate(faults)
			}
			return runAPIServer(ctx, completed)
		},
	}
	command.SetContext(ctx)
	sets := serverOptions.Flags()
	verflag.AddFlags(sets.FlagSet("global"))
	globalflag.AddGlobalFlags(sets.FlagSet("global"), command.Name(), logs.SkipLoggingConfigurationFlags())
	for _, set := range sets.FlagSets {
		command.Flags().AddFlagSet(set)
	}
	return command
}

func runAPIServer(ctx context.Context, completed options.CompletedOptions) error {
	config, err := app.NewConfig(completed)
	if err != nil {
		return err
	}
	if socket := os.Getenv(supervisorSocket); socket != "" {
		// The aggregator is outermost: it alone sees every request.
		generic := config.Aggregator.GenericConfig
		build := generic.BuildHandlerChainFunc
		generic.BuildHandlerChainFunc = func(inner http.Handler, c *genericapiserver.Config) http.Handler {
			return withSupervisor(build(inner, c), socket)
		}
	}
	chain, err := config.Complete()
	if err != nil {
		return err
	}
	server, err := app.CreateServerChain(chain)
	if err != nil {
		return err
	}
	prepared, err := server.PrepareRun()
	if err != nil {
		return err
	}
	return prepared.Run(ctx)
}

func withSupervisor(apiserver http.Handler, socket string) http.Handler {
	dialer := &net.Dialer{}
	supervisor := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = "supervisor"
			r.SetXForwarded()
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if path == "/cacerts" || path == "/ping" || strings.HasPrefix(path, "/v1-k3s/") {
			supervisor.ServeHTTP(w, r)
			return
		}
		apiserver.ServeHTTP(w, r)
	})
}
